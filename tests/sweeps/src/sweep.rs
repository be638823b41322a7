//! Runs every point of a sweep, and tells what became of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// How many points are under way at a time.
const WORKERS: usize = 2;

/// How a reset has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything is as it was.
    Old,
    /// Everything is as the reset makes it: as in the factory state, or as in the backup that
    /// was restored.
    New,
}

/// What became of one point.
#[derive(Debug)]
pub struct Outcome {
    /// Where the fault happened; none when the point was not reached, for the number of calls
    /// differs from run to run.
    pub hit: Option<String>,
    /// The status of the answer, if there was one.
    pub answer: Option<u16>,
    /// How the reset has ended, or what is wrong.
    pub end: Result<End, String>,
}

/// What became of all points, in their order.
#[derive(Debug, Default)]
pub struct Tally(pub Vec<Outcome>);

/// Whether everything is to be tried, and not what fits into a run of all tests.
#[must_use]
pub fn is_long() -> bool {
    std::env::var("FACTORY_RESET_FAULTS").is_ok_and(|form| form == "long")
}

/// Where chance is asked; another one with `FACTORY_RESET_FAULTS_SEED`.
#[must_use]
pub fn seed() -> u64 {
    let given = std::env::var("FACTORY_RESET_FAULTS_SEED");
    given.map_or(20_260_731, |seed| seed.parse().expect("a seed is a number"))
}

/// Random numbers that follow from the seed alone.
#[must_use]
pub fn chance(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// All of them in the long form, else `count` by chance.
#[must_use]
pub fn sample<Point: Clone>(points: Vec<Point>, count: usize) -> Vec<Point> {
    if is_long() {
        points
    } else {
        choose(points, count)
    }
}

/// At most `count` of them by chance, in their order.
#[must_use]
pub fn choose<Point: Clone>(points: Vec<Point>, count: usize) -> Vec<Point> {
    if points.len() <= count {
        return points;
    }
    let indexes: Vec<usize> = (0..points.len()).collect();
    let mut chosen: Vec<usize> = indexes
        .sample(&mut chance(seed()), count)
        .copied()
        .collect();
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|index| points[index].clone())
        .collect()
}

/// One of them by chance.
pub fn any<Point: Copy>(chance: &mut StdRng, points: &[Point]) -> Point {
    points[chance.random_range(0..points.len())]
}

/// A runtime of its own for every point.
pub fn block_on<Output>(work: impl Future<Output = Output>) -> Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

/// Runs all points, a few at a time, and one sweep at a time.
pub fn sweep<Point: Sync>(points: &[Point], run: impl AsyncFn(&Point) -> Outcome + Sync) -> Tally {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(point) = points.get(index) else {
                        break;
                    };
                    let outcome = block_on(run(point));
                    outcomes.lock().unwrap().insert(index, outcome);
                }
            });
        }
    });
    Tally(outcomes.into_inner().unwrap().into_values().collect())
}

impl Tally {
    fn hit(&self) -> impl Iterator<Item = &Outcome> {
        self.0.iter().filter(|outcome| outcome.hit.is_some())
    }

    fn ended(&self, end: End) -> usize {
        self.hit().filter(|outcome| outcome.end == Ok(end)).count()
    }

    /// What is wrong, also where the fault was not reached.
    fn wrong(&self) -> Vec<String> {
        let wrong = self.0.iter().filter_map(|outcome| {
            let error = outcome.end.as_ref().err()?;
            let place = outcome.hit.as_deref().unwrap_or("no fault");
            Some(format!("{place}: {error}"))
        });
        wrong.collect()
    }

    /// How often which status was answered.
    fn answers(&self) -> String {
        let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
        for outcome in &self.0 {
            *answers
                .entry(outcome.answer.unwrap_or_default())
                .or_default() += 1;
        }
        answers.remove(&0);
        let answers = answers.iter();
        let answers: Vec<_> = answers
            .map(|(status, count)| format!("{status}: {count}"))
            .collect();
        answers.join(", ")
    }

    /// Prints one line of the table; see `tests/faults`.
    pub fn print(&self, fault: &str, naive: Option<&Self>) {
        let naive = naive.map_or("".to_owned(), |naive| {
            format!("{} of {}", naive.wrong().len(), naive.hit().count())
        });
        println!(
            "\n| {fault} | {} | {} | {} | {} | {} | {} | {} | {naive} |",
            self.0.len(),
            self.hit().count(),
            self.ended(End::Old),
            self.ended(End::New),
            self.wrong().len(),
            self.answers(),
            seed(),
        );
    }

    /// The sweep sees what a host does wrong that has no journal.
    pub fn assert_half(&self) {
        assert!(
            !self.wrong().is_empty(),
            "no half reset was found where there must be some"
        );
    }
}

/// Every point has ended in one of the two states, and nearly all were reached.
pub fn assert_whole(tallies: &[Tally]) {
    let wrong: Vec<String> = tallies.iter().flat_map(Tally::wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} points:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for tally in tallies {
        let (hit, counted) = (tally.hit().count(), tally.0.len());
        assert!(
            hit * 10 > counted * 9,
            "only {hit} of {counted} points were reached"
        );
    }
}
