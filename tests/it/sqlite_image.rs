//! A factory image in the place of a database, and when that is not possible.

use factory_reset::{
    Claims, Database, Engine, EngineBuilder, KeptRows, Phase, Report, ResetRequest, ResetStep,
    Resources, Selection, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan, Way,
    async_trait,
};
use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, Row, Sqlite};

use crate::dump::{Dump, assert_same, assert_sound, dump, schema};
use crate::fixture::{Host, POSTS, everything, only};
use crate::rich::{fresh, used, wal};
use crate::steps::registration;

/// A host beside whose posts something is preserved.
const NOTES: &str = "
    CREATE TABLE authors (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
    INSERT INTO authors (name) VALUES ('somebody');
    CREATE TABLE notes (
        id INTEGER PRIMARY KEY AUTOINCREMENT, author INTEGER REFERENCES authors (id), text TEXT
    );
    CREATE INDEX notes_text ON notes (text);
    CREATE TRIGGER notes_new AFTER INSERT ON notes
        BEGIN INSERT INTO posts (text) VALUES ('about ' || new.text); END;
    CREATE TRIGGER notes_gone AFTER DELETE ON notes
        BEGIN INSERT INTO posts (text) VALUES ('no ' || old.text); END;
";

async fn posts(options: SqliteConnectOptions) -> Host {
    let host = Host::with(&[POSTS, NOTES], options).await;
    host.run(
        "INSERT INTO notes (author, text) VALUES (1, 'one'), (NULL, 'two'), (1, 'three');
         DELETE FROM notes WHERE text = 'three'",
    )
    .await;
    host
}

/// A database that takes the way it can, also when the other tests are told to take the other.
async fn builder(host: &Host) -> EngineBuilder {
    let database = host.sqlite().await.factory_image(true);
    only(&["tables"]).data_dir(host.data()).database(database)
}

async fn tables_engine(host: &Host) -> Engine {
    builder(host).await.build().await.unwrap()
}

/// An engine that preserves what is in the notes.
async fn keeping_notes(host: &Host) -> Engine {
    let builder = builder(host).await;
    let builder = builder.preserve_table("notes", "somebody has written them");
    builder.build().await.unwrap()
}

/// Why the database was cleared; nothing where a factory image has taken its place.
fn because(report: &Report) -> Option<String> {
    match report.database.clone().unwrap() {
        Way::FactoryImage => None,
        Way::Clearing { because } => Some(because.unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn rows(host: &Host, table: &str) -> Vec<String> {
    let all = dump(&host.pool).await;
    all.get(table).cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_full_reset_puts_a_factory_image_in_the_place_of_the_database_and_says_so() {
    let host = used(wal()).await;
    let engine = tables_engine(&host).await;
    let before = schema(&host.pool).await;
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    assert_eq!(preview.database, Some(Way::FactoryImage));
    let report = engine.reset(everything()).await.unwrap();
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!(told["database"], json!({ "way": "factory_image" }));
    assert_eq!(preview.cleared, report.cleared);
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    let fresh = fresh(wal()).await;
    assert_same(&dump(&host.pool).await, &dump(&fresh.pool).await);
    assert_eq!(schema(&host.pool).await, before);
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn what_stays_is_in_the_image_and_no_trigger_fires_for_it() {
    let host = posts(wal()).await;
    let engine = keeping_notes(&host).await;
    let (notes, before) = (rows(&host, "notes").await, schema(&host.pool).await);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(because(&report), None);
    assert_eq!(rows(&host, "notes").await, notes);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert_eq!(schema(&host.pool).await, before);
    host.run("INSERT INTO notes (text) VALUES ('four')").await;
    assert_eq!(
        host.number("SELECT max(id) FROM notes").await,
        4,
        "counted on"
    );
    assert_eq!(
        host.number("SELECT count(*) FROM posts").await,
        2,
        "it fires"
    );
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn what_nobody_claims_stays_with_its_schema() {
    let host = posts(wal()).await;
    host.run(
        "CREATE TABLE somebody_elses (id INTEGER PRIMARY KEY, text TEXT);
         CREATE INDEX somebody_elses_text ON somebody_elses (text);
         INSERT INTO somebody_elses VALUES (3, 'here'), (9, 'too')",
    )
    .await;
    let engine = tables_engine(&host).await;
    let before = (
        rows(&host, "somebody_elses").await,
        schema(&host.pool).await,
    );
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(because(&report), None);
    let after = (
        rows(&host, "somebody_elses").await,
        schema(&host.pool).await,
    );
    assert_eq!(after, before);
}

#[tokio::test]
async fn what_the_header_of_the_file_says_stays() {
    let options = wal().pragma("auto_vacuum", "2").page_size(8192);
    let host = posts(options).await;
    host.run("PRAGMA user_version = 7; PRAGMA application_id = 99")
        .await;
    let report = tables_engine(&host)
        .await
        .reset(everything())
        .await
        .unwrap();
    assert_eq!(because(&report), None);
    for (pragma, value) in [
        ("user_version", 7),
        ("application_id", 99),
        ("auto_vacuum", 2),
        ("page_size", 8192),
    ] {
        let now = host.number(&format!("PRAGMA {pragma}")).await;
        assert_eq!(now, value, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&host.pool)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn a_pool_in_use_goes_on_with_its_prepared_statements() {
    let host = posts(wal()).await;
    let engine = tables_engine(&host).await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut connection = host.pool.acquire().await.unwrap();
        let texts = select(&mut connection).await;
        assert!(texts > 1, "prepared and cached");
        connections.push(connection);
    }
    for writer in 0..3 {
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(because(&report), None);
        for connection in &mut connections {
            assert_eq!(select(connection).await, 1);
        }
        let insert = sqlx::query("INSERT INTO posts (text) VALUES (?)").bind("again");
        insert.execute(&mut *connections[writer]).await.unwrap();
    }
}

async fn select(connection: &mut sqlx::SqliteConnection) -> i64 {
    let rows = sqlx::query("SELECT text FROM posts WHERE text <> ?")
        .bind("nothing")
        .fetch_all(connection)
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.get::<&str, _>(0))
        .filter(|text| !text.is_empty())
        .count()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn a_reader_keeps_its_snapshot_to_the_end() {
    let host = posts(wal()).await;
    let engine = tables_engine(&host).await;
    let mut reader = host.connect().await;
    let mut snapshot = reader.begin().await.unwrap();
    let before = select(&mut snapshot).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(because(&report), None);
    let work: Vec<_> = report.pending.iter().map(|one| one.work.as_str()).collect();
    assert_eq!(work, ["reclaim"], "old pages are still in the log");
    assert_eq!(select(&mut snapshot).await, before);
    snapshot.rollback().await.unwrap();
    assert_eq!(select(&mut reader).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_writer_waits_and_finds_the_fresh_database() {
    let host = posts(wal()).await;
    let engine = tables_engine(&host).await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let pool = host.pool.clone();
    let writer = tokio::spawn(async move {
        let mut written = 0;
        while !*stopped.borrow_and_update() {
            let insert = sqlx::query("INSERT INTO drafts (text) VALUES ('late')");
            insert.execute(&pool).await.unwrap();
            written += 1;
        }
        written
    });
    for _ in 0..10 {
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(because(&report), None);
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    }
    stop.send(true).unwrap();
    assert!(writer.await.unwrap() > 0);
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn what_stays_may_be_some_thousand_rows_with_their_indexes() {
    let host = posts(wal()).await;
    let fill = "WITH RECURSIVE n (i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
                INSERT INTO notes (id, text) SELECT i, hex(randomblob(20)) FROM n";
    host.run(fill).await;
    let engine = keeping_notes(&host).await;
    let notes = rows(&host, "notes").await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(because(&report), None);
    assert_eq!(rows(&host, "notes").await, notes);
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn without_a_write_ahead_log_rows_are_cleared() {
    let host = posts(SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Truncate)).await;
    let reason = because(
        &tables_engine(&host)
            .await
            .reset(everything())
            .await
            .unwrap(),
    )
    .unwrap();
    assert!(reason.contains("`truncate`"), "{reason}");
}

#[tokio::test]
async fn rows_are_cleared_where_much_stays() {
    let host = posts(wal()).await;
    let fill = "WITH RECURSIVE n (i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 11000)
                INSERT INTO notes (id, text) SELECT i, 'much' FROM n";
    host.run(fill).await;
    let engine = keeping_notes(&host).await;
    let notes = rows(&host, "notes").await;
    let plan = engine.plan(&Selection::all()).await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(plan.way(), report.database.as_ref());
    let reason = because(&report).unwrap();
    assert!(reason.contains("`notes`"), "{reason}");
    assert_eq!(rows(&host, "notes").await, notes);
    host.run("DELETE FROM notes WHERE id > 10; UPDATE notes SET text = randomblob(5000000)")
        .await;
    let reason = because(&engine.reset(everything()).await.unwrap()).unwrap();
    assert!(reason.contains("1 MiB"), "{reason}");
}

#[tokio::test]
async fn rows_are_cleared_where_some_are_kept() {
    let host = posts(wal()).await;
    let kept = KeptRows::new("favourites", "Favourite posts").rows("posts", "text = 'welcome'");
    let builder = builder(&host).await.keep_rows(kept);
    let engine = builder.build().await.unwrap();
    let selection = Selection::all().keep("favourites");
    let report = engine.reset(ResetRequest::new(selection).confirmed()).await;
    let reason = because(&report.unwrap()).unwrap();
    assert!(reason.contains("kept"), "{reason}");
}

#[tokio::test]
async fn rows_are_cleared_where_the_host_says_so() {
    let host = posts(wal()).await;
    let database = host.sqlite().await.factory_image(false);
    let builder = only(&["tables"]).data_dir(host.data()).database(database);
    let engine = builder.build().await.unwrap();
    let reason = because(&engine.reset(everything()).await.unwrap()).unwrap();
    assert!(reason.contains("the host"), "{reason}");
}

/// Deletes its table by SQL of its own.
struct OwnSql;

#[async_trait]
impl ResetStep for OwnSql {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().table("drafts")
    }

    async fn apply(
        &self,
        cx: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let connection = cx.transaction()?.sqlite().await?.unwrap();
        let delete = sqlx::query::<Sqlite>("DELETE FROM drafts");
        delete.execute(connection).await.map_err(StepError::other)?;
        Ok(StepOutcome::as_planned(plan))
    }
}

#[tokio::test]
async fn a_step_with_sql_of_its_own_finds_the_database_itself() {
    for after in [&["tables"] as &'static [&'static str], &[]] {
        let host = posts(wal()).await;
        host.run("INSERT INTO drafts (text) VALUES ('one')").await;
        let descriptor = StepDescriptor::new("own-sql", Phase::Erase).after(after);
        let builder = builder(&host).await;
        let engine = builder.step(registration(descriptor, OwnSql));
        let report = engine.build().await.unwrap().reset(everything()).await;
        let report = report.unwrap();
        let reason = because(&report).unwrap();
        assert!(reason.contains("SQL of its own"), "{reason}");
        assert_same(&dump(&host.pool).await, &fresh_posts().await);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
    }
}

#[tokio::test]
async fn what_is_counted_in_a_reset_that_is_undone_is_forgotten() {
    let host = posts(wal()).await;
    let database = host.sqlite().await;
    let tables = ["posts".to_owned()];
    let rows = host.number("SELECT count(*) FROM posts").await;
    for clears in [true, false] {
        let way = Way::Clearing { because: None };
        let mut reset = database.write(&way).await.unwrap();
        if clears {
            reset.clear(&tables).await.unwrap();
        } else {
            let connection = reset.sqlite().await.unwrap().unwrap();
            let delete = sqlx::query("DELETE FROM posts WHERE id > 1");
            delete.execute(connection).await.unwrap();
        }
        assert_eq!(reset.count("posts").await.unwrap(), 1);
        reset.rollback().await.unwrap();
        let mut plan = database.read().await.unwrap();
        assert_eq!(plan.count("posts").await.unwrap(), rows.unsigned_abs());
        plan.rollback().await.unwrap();
    }
}

async fn fresh_posts() -> Dump {
    dump(&Host::with(&[POSTS, NOTES], wal()).await.pool).await
}

/// Whatever is in a database, and whatever of it stays: both ways end with the same rows.
#[test]
fn both_ways_end_with_the_same_rows() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let texts = || proptest::collection::vec(any::<String>(), 0..20);
    let contents = (texts(), texts(), any::<[bool; 4]>());
    let run = |(posts, notes, preserved): (Vec<String>, Vec<String>, [bool; 4])| {
        runtime.block_on(both_ways(&posts, &notes, preserved));
        Ok(())
    };
    let config = Config::with_cases(12);
    TestRunner::new(config).run(&contents, run).unwrap();
}

async fn both_ways(posts: &[String], notes: &[String], preserved: [bool; 4]) {
    let mut ends = Vec::new();
    for may in [true, false] {
        let host = self::posts(wal()).await;
        for (table, texts) in [("posts", posts), ("notes", notes)] {
            for text in texts {
                let insert = format!("INSERT INTO {table} (text) VALUES (?)");
                let insert = sqlx::query(AssertSqlSafe(insert)).bind(text);
                insert.execute(&host.pool).await.unwrap();
            }
        }
        let database = host.sqlite().await.factory_image(may);
        let mut builder = only(&["tables"]).data_dir(host.data()).database(database);
        let tables = ["posts", "drafts", "notes", "authors"];
        // Who keeps the notes keeps their authors.
        let stays = |table: &str, flag: bool| flag || (table == "authors" && preserved[2]);
        for (table, flag) in tables.into_iter().zip(preserved) {
            if stays(table, flag) {
                builder = builder.preserve_table(table, "by chance");
            }
        }
        let engine = builder.build().await.unwrap();
        let report = engine.reset(everything()).await.unwrap();
        assert_sound(&host.pool).await;
        ends.push((dump(&host.pool).await, report.cleared));
    }
    assert_eq!(ends[0].1, ends[1].1);
    assert_same(&ends[0].0, &ends[1].0);
}
