//! What a fresh install holds is what the host's own migrations give, as they run on the host.

use std::fs;

use factory_reset::{ResetRequest, Selection};
use sqlx::migrate::Migrator;

use crate::dump::{assert_same, assert_sound, dump, schema};
use crate::fixture::{Host, POSTS, everything, migrator};
use crate::rich::{used, wal};

const SEEDS: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE children (
        id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id) ON DELETE CASCADE
    );
    CREATE TABLE guests (
        id INTEGER PRIMARY KEY, parent INTEGER DEFAULT 2 REFERENCES parents (id) ON DELETE SET NULL
    );
    INSERT INTO parents VALUES (1, 'one'), (2, 'two');
    INSERT INTO children VALUES (1, 1), (2, 1), (3, 2);
    INSERT INTO guests VALUES (1, 1), (2, 2);
";

#[tokio::test]
async fn a_migration_that_deletes_a_parent_deletes_its_children_on_the_factorys_side_too() {
    let migrations = [SEEDS, "DELETE FROM parents WHERE id = 1"];
    let fresh = dump(&Host::with(&migrations, wal()).await.pool).await;
    assert_eq!(fresh["children"].len(), 1, "the host obeys foreign keys");
    let host = Host::with(&migrations, wal()).await;
    host.run(
        "INSERT INTO parents VALUES (7, 'mine'); INSERT INTO children VALUES (8, 7), (9, 2);
         DELETE FROM children WHERE id = 3; UPDATE guests SET parent = 7",
    )
    .await;
    host.reset_tables().await;
    assert_same(&dump(&host.pool).await, &fresh);
}

#[tokio::test]
async fn a_host_without_foreign_keys_gets_the_rows_that_it_got_at_first() {
    let migrations = [SEEDS, "DELETE FROM parents WHERE id = 1"];
    let lax = || wal().foreign_keys(false);
    let fresh = dump(&Host::with(&migrations, lax()).await.pool).await;
    assert_eq!(fresh["children"].len(), 3);
    let host = Host::with(&migrations, lax()).await;
    host.run("DELETE FROM children").await;
    host.reset_tables().await;
    assert_same(&dump(&host.pool).await, &fresh);
}

#[tokio::test]
async fn a_reset_of_files_alone_does_not_rewrite_the_database() {
    let host = Host::new().await;
    host.run(
        "CREATE TABLE scratch (text TEXT);
         INSERT INTO scratch
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             SELECT 'some text that fills a page ' || i FROM n;
         DROP TABLE scratch",
    )
    .await;
    let engine = host.engine().await;
    host.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let file = || fs::read(host.data().join("host.db")).unwrap();
    let (bytes, free) = (file(), host.number("PRAGMA freelist_count").await);
    assert!(free > 0);
    let media = ResetRequest::new(Selection::steps(["media"])).confirmed();
    let report = engine.reset(media).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert!(!host.data().join("media").exists());
    assert!(file() == bytes, "the file is as it was");
    assert_eq!(host.number("PRAGMA freelist_count").await, free);

    engine.reset(everything()).await.unwrap();
    assert_eq!(host.number("PRAGMA freelist_count").await, 0);
}

#[tokio::test]
async fn an_index_that_a_crash_has_left_goes_and_the_schema_is_in_its_order() {
    let host = used(wal()).await;
    let before = schema(&host.pool).await;
    host.run("CREATE INDEX _factory_reset_keeps_0 ON words ((0)) WHERE 0")
        .await;
    let report = host.reset_tables().await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    let mut after = schema(&host.pool).await;
    after.retain(|(_, name, ..)| name != "_factory_reset");
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_rewriting_that_was_cut_short_is_repaired_at_the_next_start() {
    let host = used(wal()).await;
    drop(host.sqlite().await);
    let expected = names(&host).await;
    cut_short(&host).await;
    assert_ne!(names(&host).await, expected);
    let _engine = host.tables_engine().await;
    assert_eq!(names(&host).await, expected);
}

#[tokio::test]
async fn a_rewriting_that_was_cut_short_leaves_what_somebody_has_added_behind_its_table() {
    const TRIGGER: &str = "CREATE TABLE a (x); CREATE TABLE log (x);
        CREATE TRIGGER a_new AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.x); END";
    let migrations = [POSTS, TRIGGER, "CREATE TABLE b (y)"];
    let host = Host::with(&migrations, wal()).await;
    host.run("CREATE INDEX by_hand ON b (y)").await;
    cut_short(&host).await;
    let engine = host.tables_engine().await;
    assert!(engine.history()[0].pending.is_empty());
    assert_sound(&host.pool).await;
    // A connection that reads the schema anew.
    let tables = "SELECT count(*) FROM b";
    let mut fresh = host.connect().await;
    sqlx::raw_sql(tables).execute(&mut fresh).await.unwrap();
}

/// Resets, and leaves the file as a process does that is killed while it rewrites it: a reader
/// has kept it from doing so in the first place.
async fn cut_short(host: &Host) {
    let engine = host.tables_engine().await;
    let mut reader = host.connect().await;
    for sql in ["BEGIN", "SELECT count(*) FROM sqlite_schema"] {
        sqlx::raw_sql(sql).execute(&mut reader).await.unwrap();
    }
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.pending[0].work, "reclaim");
    drop(engine);
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut reader)
        .await
        .unwrap();
    host.run("VACUUM").await;
}

/// What the migrations create, in the order of the schema.
async fn names(host: &Host) -> Vec<String> {
    let schema = schema(&host.pool).await.into_iter();
    let names = schema.map(|(_, name, ..)| name);
    let ours = |name: &String| name.starts_with("_factory") || name.starts_with("sqlite_stat");
    names.filter(|name| !ours(name)).collect()
}

/// A host that keeps track of its migrations in a table of another name.
async fn with_its_own_history() -> Host {
    let mut host = Host::with(&[], wal()).await;
    host.run("DROP TABLE IF EXISTS _sqlx_migrations").await;
    let mut migrator: Migrator = migrator(&host.outside("own"), &[POSTS, SEEDS]).await;
    migrator.dangerous_set_table_name("schema_history");
    migrator.run(&host.pool).await.unwrap();
    host.migrator = migrator;
    host
}

#[tokio::test]
async fn the_table_of_migrations_stays_row_for_row_under_whatever_name() {
    let host = with_its_own_history().await;
    host.run("INSERT INTO posts (text) VALUES ('mine')").await;
    let before = dump(&host.pool).await;
    assert_eq!(before["schema_history"].len(), 2);
    let report = host.reset_tables().await;
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    let kept = report.preserved.iter().map(|one| one.name.as_str());
    assert_eq!(kept.collect::<Vec<_>>(), ["schema_history"]);
    let after = dump(&host.pool).await;
    assert_eq!(after["schema_history"], before["schema_history"]);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    host.migrator.run(&host.pool).await.unwrap();
}
