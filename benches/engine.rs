//! Plan and full reset of a database of 100,000 rows, and what the engine itself costs.

use std::hint::black_box;
use std::pin::Pin;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use factory_reset::{
    Engine, EngineBuilder, Phase, ResetRequest, ResetStep, Selection, Sqlite, StepDescriptor,
    StepOutcome, StepPlan, StepRegistration,
};
use factory_reset_steps as _;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tempfile::TempDir;
use tokio::runtime::Runtime;

type Failure = Box<dyn std::error::Error>;

/// Ten tables of 10,000 rows, each with an index and a reference to the one before.
const TABLES: usize = 10;
const ROWS: usize = 10_000;
const STEPS: usize = 1000;

struct Host {
    engine: Engine,
    pool: SqlitePool,
    _directory: TempDir,
}

impl Host {
    async fn new() -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let migrations = directory.path().join("migrations");
        std::fs::create_dir(&migrations)?;
        let mut schema =
            String::from("CREATE TABLE t0 (id INTEGER PRIMARY KEY, text TEXT, parent INTEGER);\n");
        for table in 1..TABLES {
            let parent = table - 1;
            schema += &format!(
                "CREATE TABLE t{table} (id INTEGER PRIMARY KEY, text TEXT, parent INTEGER REFERENCES t{parent} (id));
                 CREATE INDEX t{table}_text ON t{table} (text);\n"
            );
        }
        std::fs::write(migrations.join("0001_schema.sql"), schema)?;
        let migrator = Migrator::new(migrations).await?;
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("host.db"))
            .journal_mode(SqliteJournalMode::Wal)
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await?;
        migrator.run(&pool).await?;
        let database = Sqlite::open(&pool, &migrator).await?;
        let engine = without(&[
            "config",
            "files",
            "generators",
            "media",
            "passphrase",
            "rate-limits",
            "runtimes",
            "watchtower",
        ])
        .data_dir(directory.path())
        .database(database)
        .build()
        .await?;
        Ok(Self {
            engine,
            pool,
            _directory: directory,
        })
    }

    async fn fill(&self) -> Result<(), Failure> {
        let mut transaction = self.pool.begin().await?;
        for table in 0..TABLES {
            let fill = format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
                 INSERT INTO t{table} SELECT i, hex(randomblob(100)), i FROM n"
            );
            sqlx::query(sqlx::AssertSqlSafe(fill))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn without(steps: &[&str]) -> EngineBuilder {
    steps
        .iter()
        .fold(Engine::builder(), |builder, step| builder.without(*step))
}

fn everything() -> ResetRequest {
    ResetRequest::new(Selection::all()).confirmed()
}

/// The bench cannot go on without what it measures.
fn must<T>(result: Result<T, impl std::fmt::Display>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn database(criterion: &mut Criterion) {
    let runtime = must(Runtime::new());
    let host = must(runtime.block_on(Host::new()));
    let mut group = criterion.benchmark_group("sqlite/100k rows");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .throughput(Throughput::Elements((TABLES * ROWS) as u64));
    must(runtime.block_on(host.fill()));
    group.bench_function("plan", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { black_box(must(host.engine.plan(&Selection::all()).await)) });
    });
    group.bench_function("reset", |bencher| {
        bencher.to_async(&runtime).iter_custom(async |resets| {
            let mut total = Duration::ZERO;
            for _ in 0..resets {
                must(host.engine.reset(everything()).await);
                must(host.fill().await);
                let start = Instant::now();
                let report = must(host.engine.reset(everything()).await);
                total += start.elapsed();
                assert_eq!(report.cleared["rows_deleted"], TABLES * ROWS);
            }
            total
        });
    });
    group.finish();
}

struct Nothing;
impl ResetStep for Nothing {}

/// Hosts of steps that do nothing, all of one phase.
struct Idle {
    /// With a thousand of them.
    many: Engine,
    /// With one of them: what a reset costs apart from its steps, for its journal is synced to
    /// disk.
    one: Engine,
    _directories: [TempDir; 2],
}

impl Idle {
    async fn new(phase: Phase) -> Result<Self, Failure> {
        let directories = [tempfile::tempdir()?, tempfile::tempdir()?];
        let [many, one] = &directories;
        Ok(Self {
            many: steps(STEPS, phase).data_dir(many.path()).build().await?,
            one: steps(1, phase).data_dir(one.path()).build().await?,
            _directories: directories,
        })
    }
}

/// Only steps that do nothing, so many of them.
fn steps(count: usize, phase: Phase) -> EngineBuilder {
    let step = |number| {
        let id: &'static str = Box::leak(format!("noop-{number}").into_boxed_str());
        StepRegistration::new(StepDescriptor::new(id, phase), &Nothing)
    };
    let builder = Engine::builder().explicit_steps_only();
    (0..count).map(step).fold(builder, EngineBuilder::step)
}

/// What a step does that has nothing to do, a thousand times.
async fn by_hand(plan: &StepPlan) {
    for _ in 0..STEPS {
        let step = async { StepOutcome::as_planned(black_box(plan)) };
        let step: Pin<Box<dyn Future<Output = StepOutcome> + Send>> = Box::pin(step);
        black_box(step.await);
    }
}

fn executor(criterion: &mut Criterion) {
    let runtime = must(Runtime::new());
    let host = must(runtime.block_on(Idle::new(Phase::Forget)));
    let plan = StepPlan::default();
    let mut group = criterion.benchmark_group("1000 steps that do nothing");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Elements(STEPS as u64));
    group.bench_function("futures awaited by hand", |bencher| {
        bencher.to_async(&runtime).iter(|| by_hand(&plan));
    });
    group.bench_function("plan", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { black_box(must(host.many.plan(&Selection::all()).await)) });
    });
    group.bench_function("reset", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { black_box(must(host.many.reset(everything()).await)) });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("reset with one of them", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { black_box(must(host.one.reset(everything()).await)) });
    });
    group.finish();
}

/// How often each is timed for the summary; the median counts.
const ROUNDS: usize = 151;

async fn timed<T>(times: &mut Vec<Duration>, work: impl Future<Output = T>) {
    let start = Instant::now();
    black_box(work.await);
    times.push(start.elapsed());
}

/// Microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// Prints what a step costs beside itself: the time of a thousand less that of one. All of it is
/// measured alternately, so that whatever else the machine does meets every side. A disk that others
/// use as well is louder than what is measured here: `TMPDIR=/dev/shm` leaves it out.
fn overhead(_: &mut Criterion) {
    let runtime = must(Runtime::new());
    let (all, plan) = (Selection::all(), StepPlan::default());
    for phase in [Phase::Stop, Phase::Erase, Phase::Forget] {
        let host = must(runtime.block_on(Idle::new(phase)));
        let mut times: [Vec<Duration>; 5] = Default::default();
        let [hand, plans, plan_of_one, resets, reset_of_one] = &mut times;
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                timed(hand, by_hand(&plan)).await;
                for (engine, plans, resets) in [
                    (&host.many, &mut *plans, &mut *resets),
                    (&host.one, &mut *plan_of_one, &mut *reset_of_one),
                ] {
                    timed(plans, async { must(engine.plan(&all).await) }).await;
                    let reset = async { must(engine.reset(everything()).await) };
                    timed(resets, Box::pin(reset)).await;
                }
            }
        });
        let [hand, plans, plan_of_one, resets, reset_of_one] = times.map(median);
        println!(
            "{phase:?}, a step that does nothing: by hand {:.3} µs, in a plan {:.2} µs, in a reset \
             {:.2} µs",
            hand / STEPS as f64,
            (plans - plan_of_one) / (STEPS - 1) as f64,
            (resets - reset_of_one) / (STEPS - 1) as f64,
        );
    }
}

criterion_group!(benches, database, executor, overhead);
criterion_main!(benches);
