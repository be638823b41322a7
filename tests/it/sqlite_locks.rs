//! Locks and snapshots of other connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use factory_reset::{
    Claims, Database, Engine, Phase, PlanContext, ResetStep, Resources, Selection, Sqlite,
    StepDescriptor, StepError, StepPlan, async_trait, chain,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::dump::{assert_same, dump};
use crate::fixture::{CLEARING, Host, POSTS, SHORT, everything, only, own, step, tree};
use crate::rich::wal;
use crate::steps::{SlowToPlan, Workers, registration};

async fn engine(host: &Host, workers: &std::sync::Arc<Workers>, wait: Duration) -> Engine {
    let database = host.sqlite().await.lock_timeout(wait);
    let builder = only(&["tables", "media", "runtimes"])
        .data_dir(host.data())
        .database(database)
        .resource(factory_reset_steps::MediaDir::new("media"));
    workers.offer(builder).build().await.unwrap()
}

async fn begin(host: &Host, sql: &'static str) -> SqliteConnection {
    let mut connection = host.connect().await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_lock_held_by_another_connection_is_an_error_and_nothing_has_changed() {
    let host = Host::new().await;
    let workers = Workers::new();
    let engine = engine(&host, &workers, SHORT).await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let writer = begin(&host, "BEGIN IMMEDIATE").await;
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(error.database().is_some(), "{}", chain(&error));
    assert!(
        chain(&error).contains("take the write lock"),
        "{}",
        chain(&error)
    );
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
    assert_eq!(workers.names().await, ["a", "b", "c"]);
    assert_eq!(own(&host.data()), ["lock"]);
    writer.close().await.unwrap();
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn a_reader_during_the_reset_leaves_giving_back_pending() {
    let host = Host::new().await;
    let engine = engine(&host, &Workers::new(), SHORT).await;
    let mut reader = begin(&host, "BEGIN; SELECT count(*) FROM posts").await;
    let report = engine.reset(everything()).await.unwrap();
    let work: Vec<_> = report
        .pending
        .iter()
        .map(|pending| pending.work.as_str())
        .collect();
    assert_eq!(work, ["reclaim"]);
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!(seen, 3, "the reader keeps its snapshot");
    reader.close().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn a_reader_that_blocks_the_commit_of_a_rollback_journal_leaves_everything_as_it_was() {
    let options = SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Delete);
    let host = Host::with(&[POSTS], options).await;
    host.run("INSERT INTO posts (text) VALUES ('first')").await;
    host.write("media/cat.jpg", "meow");
    let workers = Workers::new();
    let engine = engine(&host, &workers, SHORT).await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let reader = begin(&host, "BEGIN; SELECT count(*) FROM posts").await;
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(error.database().is_some(), "{}", chain(&error));
    assert_eq!(tree(&host.data()), files, "{}", chain(&error));
    assert_eq!(workers.names().await, ["a", "b", "c"], "{}", chain(&error));
    reader.close().await.unwrap();
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(own(&host.data()), ["lock"]);
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn a_plan_that_nobody_waits_for_leaves_no_snapshot_open() {
    let host = Host::with(&[POSTS], wal()).await;
    let slow = SlowToPlan::default();
    let descriptor = factory_reset::StepDescriptor::new("slow", factory_reset::Phase::Forget);
    let engine = host
        .builder(&["tables"])
        .await
        .step(registration(descriptor, slow.clone()))
        .build()
        .await
        .unwrap();
    let dropped = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.plan(&Selection::steps(["tables", "slow"])).await })
    };
    slow.planning.notified().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    slow.proceed.notify_one();
    let request = factory_reset::ResetRequest::new(Selection::steps(["tables"])).confirmed();
    let report = engine.reset(request).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
}

#[tokio::test]
async fn a_writer_of_the_host_waits_and_goes_on_after_the_reset() {
    let host = Host::new().await;
    let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
    drop(database);
    let engine = host.engine().await;
    let writer = {
        let pool = host.pool.clone();
        tokio::spawn(async move {
            sqlx::query("INSERT INTO drafts (text) VALUES ('late')")
                .execute(&pool)
                .await
        })
    };
    engine.reset(everything()).await.unwrap();
    writer.await.unwrap().unwrap();
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn a_reader_that_stays_does_not_make_the_log_grow_with_every_try() {
    let host = Host::with(&[POSTS], wal()).await;
    let database = host.sqlite().await.lock_timeout(SHORT);
    let mut reader = host.connect().await;
    for sql in ["BEGIN", "SELECT count(*) FROM posts"] {
        sqlx::raw_sql(sql).execute(&mut reader).await.unwrap();
    }
    let mut transaction = database.write(&CLEARING).await.unwrap();
    transaction.clear(&["posts".to_owned()]).await.unwrap();
    transaction.commit(uuid::Uuid::now_v7()).await.unwrap();
    let size = || {
        std::fs::metadata(host.data().join("host.db-wal"))
            .unwrap()
            .len()
    };
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let error = chain(&database.reclaim().await.unwrap_err());
        assert!(error.contains("still reads"), "{error}");
        sizes.push(size());
    }
    assert!(
        sizes[0] > 0 && sizes.iter().all(|size| *size == sizes[0]),
        "{sizes:?}"
    );
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut reader)
        .await
        .unwrap();
    database.reclaim().await.unwrap();
    assert_eq!(size(), 0);
}

/// A step that counts files, and writes to the database meanwhile as another program would.
struct Meanwhile {
    database: std::path::PathBuf,
    written: Arc<AtomicUsize>,
}

#[async_trait]
impl ResetStep for Meanwhile {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("uploads")
    }

    async fn plan(&self, cx: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.database)
            .busy_timeout(Duration::ZERO);
        let mut writer = options.connect().await.map_err(StepError::other)?;
        sqlx::raw_sql("INSERT INTO posts (text) VALUES ('meanwhile')")
            .execute(&mut writer)
            .await
            .map_err(StepError::other)?;
        self.written.fetch_add(1, Ordering::SeqCst);
        writer.close().await.map_err(StepError::other)?;
        cx.plan_claims().await
    }
}

#[tokio::test]
async fn nobody_who_writes_rows_waits_while_files_are_counted() {
    let host = Host::new().await;
    host.write("uploads/cat.jpg", "meow");
    let written = Arc::<AtomicUsize>::default();
    let meanwhile = Meanwhile {
        database: host.data().join("host.db"),
        written: written.clone(),
    };
    let builder = host.builder(&["tables"]).await;
    let descriptor = StepDescriptor::new("uploads", Phase::Erase);
    let builder = builder.step(registration(descriptor, meanwhile));
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    let written = written.load(Ordering::SeqCst);
    assert!(written >= 2, "counted before the gate and behind it");
    assert_eq!(report.cleared["rows_deleted"], 3 + written);
    assert_eq!(step(&report, "uploads").counts["files"], 1);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(!host.data().join("uploads").exists());
}
