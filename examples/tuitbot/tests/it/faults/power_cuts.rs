//! The power goes.

use fault_sweeps::{
    Fault, Outcome, Tally, assert_whole, block_on, chance, is_long, sample, seed, sweep,
};
use rand::RngExt;

use super::disk::{Disk, Remains, restore};
use super::fixture::{Fixture, Place};
use super::host::{Answer, Host};
use super::log::{self, Change};
use super::recoveries::interrupted;

/// How many draws of what was not synced there are for each instant, of a reset and of a
/// start that ends one.
const DRAWS: u64 = 8;
const DRAWS_OF_START: u64 = 1;
/// How many disks are tried in the short form.
const SHORT: usize = 160;
const SHORT_NAIVE: usize = 60;

#[test]
fn a_power_cut_at_any_instant_leaves_a_whole_reset() {
    let product = PowerCuts::of_reset(Fixture::tuitbot());
    let naive = PowerCuts::of_reset(Fixture::naive());
    let (lost, naive_lost) = (product.lose_all(), naive.lose_all());
    lost.print(
        "power cut, all that was not synced is lost",
        Some(&naive_lost),
    );
    let (drawn, naive_drawn) = (product.draw(SHORT), naive.draw(SHORT_NAIVE));
    drawn.print("power cut, parts of it are lost", Some(&naive_drawn));
    let (after, naive_after) = (product.after(), naive.after());
    after.print("power cut after the 200", Some(&naive_after));
    assert_whole(&[lost, drawn, after]);
    naive_drawn.assert_half();
    naive_after.assert_half();
}

#[test]
fn a_power_cut_while_a_start_ends_a_reset_is_made_good_by_the_next() {
    let fixture = Fixture::tuitbot();
    let mut all = [Tally::default(), Tally::default()];
    let interrupted = interrupted(fixture);
    let share = SHORT / interrupted.len();
    for place in interrupted {
        let cuts = PowerCuts::of_start(fixture, place);
        all[0].0.extend(cuts.lose_all().0);
        all[1].0.extend(cuts.draw(share).0);
    }
    all[0].print(
        "power cut in a recovery, all that was not synced is lost",
        None,
    );
    all[1].print("power cut in a recovery, parts of it are lost", None);
    assert_whole(&all);
}

/// A host has run once, and the power may have gone at any instant.
struct PowerCuts {
    fixture: &'static Fixture,
    before: Place,
    changes: Vec<Change>,
    /// How many changes there were before the first instant.
    first: usize,
    answer: Option<Answer>,
    draws: u64,
}

/// After how many changes, and which draw it is of what was not synced: none of it without.
type Cut = (usize, Option<u64>);

impl PowerCuts {
    fn of_reset(fixture: &'static Fixture) -> Self {
        Self::record(fixture, fixture.place(), async |host| {
            let answer = host.reset().await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        })
    }

    fn of_start(fixture: &'static Fixture, interrupted: Place) -> Self {
        let mut cuts = Self::record(fixture, interrupted, async |host| {
            host.get("/api/health").await
        });
        (cuts.first, cuts.answer, cuts.draws) = (0, None, DRAWS_OF_START);
        cuts
    }

    fn record(
        fixture: &'static Fixture,
        before: Place,
        ask: impl AsyncFnOnce(&Host) -> Answer,
    ) -> Self {
        let place = Place::of(before.data());
        let control = place.control();
        let log = control.keep_log();
        // From the start: nothing that the host changes may escape the model.
        control.arm(Fault::None);
        let program = fixture.program;
        let host = Host::start(program, place.data(), Some(&control), &[]).unwrap();
        let first = log::read(&log, place.data()).len();
        let answer = Some(block_on(ask(&host)));
        host.kill();
        let cuts = Self {
            fixture,
            changes: log::read(&log, place.data()),
            before,
            first,
            answer,
            draws: DRAWS,
        };
        // Nothing has escaped the shim: its log leads to what is there.
        let all = cuts.disk(cuts.changes.len()).cut(|| true);
        assert!(all == Disk::read(place.data()).cut(|| true));
        cuts
    }

    /// Only what was synced has remained: another disk after each sync.
    fn lose_all(&self) -> Tally {
        let instants = self.first..=self.changes.len();
        let changed = instants.filter(|&instant| {
            let last = self.changes[..instant].last();
            instant == self.first || matches!(last, Some(Change::Sync { .. }))
        });
        let cuts: Vec<Cut> = changed.map(|instant| (instant, None)).collect();
        self.run(&cuts, None)
    }

    /// Draws for each instant; in the short form `count` in all.
    fn draw(&self, count: usize) -> Tally {
        let instants = self.first..=self.changes.len();
        let cuts =
            instants.flat_map(|instant| (0..self.draws).map(move |draw| (instant, Some(draw))));
        self.run(&sample(cuts.collect(), count), None)
    }

    /// Once it was answered that the reset has happened, it has.
    fn after(&self) -> Tally {
        let draws = if is_long() { 200 } else { 20 };
        let draws = (0..draws).map(Some).chain([None]);
        let cuts: Vec<Cut> = draws.map(|draw| (self.changes.len(), draw)).collect();
        self.run(&cuts, self.answer.as_ref())
    }

    fn run(&self, cuts: &[Cut], answer: Option<&Answer>) -> Tally {
        sweep(cuts, async |cut: &Cut| {
            let place = Place::empty();
            restore(&self.remains(*cut), place.data());
            let end = self.fixture.settle(&place, answer).await;
            let last = self.changes[..cut.0].last();
            let last: String = format!("{last:?}").chars().take(90).collect();
            Outcome {
                hit: Some(format!("{cut:?} after {last}")),
                answer: answer.map(|answer| answer.status),
                end,
            }
        })
    }

    /// After so many changes.
    fn disk(&self, instant: usize) -> Disk<'_> {
        let mut disk = Disk::read(self.before.data());
        for change in &self.changes[..instant] {
            disk.apply(change);
        }
        disk
    }

    fn remains(&self, (instant, draw): Cut) -> Remains {
        let disk = self.disk(instant);
        let Some(draw) = draw else {
            return disk.cut(|| false);
        };
        let mut chance = chance(seed() ^ (draw << 32) ^ instant as u64);
        // From nearly nothing to nearly everything.
        let share = chance.random_range(0.05..0.95);
        disk.cut(|| chance.random_bool(share))
    }
}
