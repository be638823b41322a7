//! PostgreSQL: a full reset against the better of a bare DELETE and a counted TRUNCATE, and a
//! preview against the bare counts.
//!
//! `cargo bench --features postgres --bench postgres`, with `-- --rows 10,1000` for other sizes
//! and `-- --rounds 9` for more rounds. Every side runs on the same server and data, in turn,
//! durably (`fsync`, `full_page_writes` and `synchronous_commit` are on); what is told are
//! medians. Nobody writes between a preview and the reset that follows it, so that this does not
//! count once more.
//!
//! The bare statements run on an open connection that knows the tables, in one round trip. Only
//! those "with counters" let identity columns start again, as a reset does. None of them keeps
//! foreign keys of other tables, sets triggers aside, or makes deleted rows unreadable, which is
//! most of what a reset does after its commit.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::Parser;
use comfy_table::{Table, presets};
use factory_reset::{Engine, EventKind, Postgres, ResetRequest, Selection};
use factory_reset_steps as _;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tempfile::TempDir;

type Failure = Box<dyn std::error::Error>;

const TABLES: usize = 30;

#[derive(Parser)]
struct Arguments {
    /// Rows in each table.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 30, 100, 300, 1000, 10_000])]
    rows: Vec<u32>,
    /// How often each size is measured; by the size unless given.
    #[arg(long)]
    rounds: Option<usize>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Ten chains of three tables: each but the first refers to the one before, which is indexed.
fn schema() -> String {
    let mut schema = String::new();
    for table in 0..TABLES {
        let parent = match table % 3 {
            0 => "bigint".to_owned(),
            _ => format!("bigint REFERENCES t{} (id) ON DELETE CASCADE", table - 1),
        };
        let _ = write!(
            schema,
            "CREATE TABLE t{table} (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 parent {parent}, name text NOT NULL, text text NOT NULL,
                 at timestamptz NOT NULL DEFAULT now()
             );
             CREATE INDEX ON t{table} (parent);
             CREATE INDEX ON t{table} (name);"
        );
        if table % 3 == 2 {
            let _ = write!(schema, "CREATE INDEX ON t{table} (at, name);");
        }
    }
    schema
}

/// For each table, children first.
fn each(separator: &str, sql: impl Fn(usize) -> String) -> String {
    let tables = (0..TABLES).rev().map(sql);
    tables.collect::<Vec<_>>().join(separator)
}

fn names() -> String {
    each(", ", |table| format!("t{table}"))
}

fn counts() -> String {
    each(" UNION ALL ", |table| {
        format!("SELECT count(*) FROM t{table}")
    })
}

struct Host {
    server: test_servers::Postgres,
    database: test_servers::Database,
    /// What the bare statements run on.
    connection: PgConnection,
    engine: Engine,
    _directory: TempDir,
}

impl Host {
    async fn new() -> Result<Self, Failure> {
        // Nothing that comes by itself in the middle of a measurement.
        let settings = [
            "autovacuum = off",
            "max_wal_size = '8GB'",
            "checkpoint_timeout = '1h'",
        ];
        let server = test_servers::Postgres::start_with(&settings);
        let database = server.create_database_of(test_servers::Postgres::CREATOR);
        let directory = tempfile::tempdir()?;
        let migrations = directory.path().join("migrations");
        std::fs::create_dir(&migrations)?;
        std::fs::write(migrations.join("0001_schema.sql"), schema())?;
        let migrator = Migrator::new(migrations).await?;
        let pool = PgPool::connect(&database.url).await?;
        migrator.run(&pool).await?;
        let postgres = Postgres::open(&pool, &migrator).await?;
        let others = [
            "config",
            "files",
            "generators",
            "media",
            "passphrase",
            "rate-limits",
            "runtimes",
            "watchtower",
        ];
        let builder = others
            .iter()
            .fold(Engine::builder(), |builder, step| builder.without(*step));
        let engine = builder
            .data_dir(directory.path())
            .database(postgres)
            .build()
            .await?;
        pool.close().await;
        Ok(Self {
            connection: PgConnection::connect(&database.url).await?,
            server,
            database,
            engine,
            _directory: directory,
        })
    }

    /// The same start for every side: no dead rows, and vacuumed.
    async fn fill(&mut self, rows: u32) -> Result<(), Failure> {
        let names = names();
        self.run(&format!("VACUUM {names}")).await?;
        for table in 0..TABLES {
            self.run(&format!(
                "INSERT INTO t{table} (id, parent, name, text) OVERRIDING SYSTEM VALUE
                 SELECT i, i, md5(i::text), repeat(md5(i::text), 4)
                 FROM generate_series(1, {rows}) AS i;
                 SELECT setval('t{table}_id_seq', {rows})"
            ))
            .await?;
        }
        self.run(&format!("VACUUM (ANALYZE) {names}")).await?;
        Ok(())
    }

    async fn run(&mut self, sql: &str) -> Result<Duration, Failure> {
        let start = Instant::now();
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.connection)
            .await?;
        Ok(start.elapsed())
    }

    async fn reset(&self, rows: u64) -> Result<Ours, Failure> {
        let mut events = self.engine.events();
        let start = Instant::now();
        let told = tokio::spawn(async move {
            let mut planned = Duration::ZERO;
            while let Some(event) = events.next().await {
                match event.kind {
                    EventKind::Planned { .. } => planned = start.elapsed(),
                    EventKind::Committed => return Some((planned, start.elapsed())),
                    _ => {}
                }
            }
            None
        });
        let request = ResetRequest::new(Selection::all()).confirmed();
        let report = self.engine.reset(request).await?;
        let whole = start.elapsed();
        assert_eq!(report.cleared["rows_deleted"], rows);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        let (planned, committed) = told.await?.ok_or("it told of no commit")?;
        Ok(Ours {
            held: committed - planned,
            committed,
            whole,
        })
    }
}

/// What a reset took.
struct Ours {
    /// From the plan, which holds nobody up, to the commit: others wait.
    held: Duration,
    /// From the beginning to the commit.
    committed: Duration,
    whole: Duration,
}

/// What each side took, round by round.
#[derive(Default)]
struct Times {
    delete: Vec<Duration>,
    truncate: Vec<Duration>,
    delete_and_restart: Vec<Duration>,
    truncate_and_restart: Vec<Duration>,
    held: Vec<Duration>,
    committed: Vec<Duration>,
    whole: Vec<Duration>,
    counts: Vec<Duration>,
    preview: Vec<Duration>,
}

impl Times {
    async fn measure(host: &mut Host, rows: u32, rounds: usize) -> Result<Self, Failure> {
        let delete = each("; ", |table| format!("DELETE FROM t{table}"));
        let restart = each("; ", |table| {
            format!("ALTER SEQUENCE t{table}_id_seq RESTART")
        });
        let delete_and_restart = format!("BEGIN; {delete}; {restart}; COMMIT");
        let delete = format!("BEGIN; {delete}; COMMIT");
        let (names, counts) = (names(), counts());
        let truncate = format!("BEGIN; LOCK TABLE {names}; {counts}; TRUNCATE {names}");
        let truncate_and_restart = format!("{truncate} RESTART IDENTITY; COMMIT");
        let truncate = format!("{truncate}; COMMIT");
        let mut times = Self::default();
        host.server.execute(&host.database.name, "CHECKPOINT");
        // The first round warms everything up.
        for round in 0..=rounds {
            let mut one = Self::default();
            host.fill(rows).await?;
            one.counts.push(host.run(&counts).await?);
            let start = Instant::now();
            host.engine.plan(&Selection::all()).await?;
            one.preview.push(start.elapsed());
            let all = u64::from(rows) * TABLES as u64;
            let ours = host.reset(all).await?;
            one.held.push(ours.held);
            one.committed.push(ours.committed);
            one.whole.push(ours.whole);
            host.fill(rows).await?;
            one.delete.push(host.run(&delete).await?);
            host.fill(rows).await?;
            one.truncate.push(host.run(&truncate).await?);
            host.fill(rows).await?;
            let took = host.run(&delete_and_restart).await?;
            one.delete_and_restart.push(took);
            host.fill(rows).await?;
            let took = host.run(&truncate_and_restart).await?;
            one.truncate_and_restart.push(took);
            if round > 0 {
                times.add(one);
            }
        }
        Ok(times)
    }

    fn add(&mut self, one: Self) {
        self.delete.extend(one.delete);
        self.truncate.extend(one.truncate);
        self.delete_and_restart.extend(one.delete_and_restart);
        self.truncate_and_restart.extend(one.truncate_and_restart);
        self.held.extend(one.held);
        self.committed.extend(one.committed);
        self.whole.extend(one.whole);
        self.counts.extend(one.counts);
        self.preview.extend(one.preview);
    }
}

/// In milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let mut host = Host::new().await?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "rows a table",
        "DELETE",
        "count + TRUNCATE",
        "DELETE, counters",
        "count + TRUNCATE, counters",
        "ours, plan to commit",
        "÷ better",
        "÷ better with counters",
        "ours, begin to commit",
        "ours, whole",
        "bare counts",
        "preview",
        "÷ bare",
    ]);
    for rows in arguments.rows {
        let rounds = arguments.rounds.unwrap_or(match rows {
            0..=300 => 15,
            301..=3000 => 9,
            _ => 5,
        });
        let mut times = Times::measure(&mut host, rows, rounds).await?;
        let (delete, truncate) = (median(&mut times.delete), median(&mut times.truncate));
        let delete_and_restart = median(&mut times.delete_and_restart);
        let truncate_and_restart = median(&mut times.truncate_and_restart);
        let held = median(&mut times.held);
        let (counts, preview) = (median(&mut times.counts), median(&mut times.preview));
        let numbers = [
            delete,
            truncate,
            delete_and_restart,
            truncate_and_restart,
            held,
            held / delete.min(truncate),
            held / delete_and_restart.min(truncate_and_restart),
            median(&mut times.committed),
            median(&mut times.whole),
            counts,
            preview,
            preview / counts,
        ];
        let numbers = numbers.iter().map(|number| format!("{number:.2}"));
        table.add_row(std::iter::once(rows.to_string()).chain(numbers));
        eprintln!("{rows} rows a table: {rounds} rounds");
    }
    println!("{TABLES} tables, milliseconds\n{table}");
    Ok(())
}
