//! Schemas that make statements take for ever.

use std::time::Duration;

use factory_reset::{Database, Engine, FactoryRows, Selection, Sqlite, chain};

use crate::fixture::{CLEARING, Host, SHORT, everything, only};
use crate::rich::wal;

/// Far longer than anything takes that ends at all, on a busy machine too.
const LONG: Duration = Duration::from_secs(30);

/// An engine that waits for the database no longer than `limit`.
async fn engine(host: &Host, keeps: &[&str], limit: Duration) -> Engine {
    let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
    let mut builder = only(&["tables"])
        .data_dir(host.data())
        .database(database.factory_image(false))
        .database_timeout(limit)
        .step_timeout(limit);
    for table in keeps {
        builder = builder.preserve_table(*table, "the test's");
    }
    builder.build().await.unwrap()
}

/// Each view uses the one before twice.
fn doubling() -> String {
    let mut views = "CREATE VIEW v0 AS SELECT id FROM posts;".to_owned();
    for view in 1..40 {
        let last = view - 1;
        views += &format!("CREATE VIEW v{view} AS SELECT a.id FROM v{last} AS a, v{last} AS b;");
    }
    views
}

/// A long chain of views.
fn chained() -> String {
    let mut views = "BEGIN; CREATE VIEW v0 AS SELECT id FROM posts;".to_owned();
    for view in 1..3_000 {
        views += &format!("CREATE VIEW v{view} AS SELECT * FROM v{};", view - 1);
    }
    views + "COMMIT"
}

/// A view that never ends, and one whose columns take long to name.
const ENDLESS: &str = "
    CREATE VIEW endless AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT max(i) AS i FROM n;
    CREATE TRIGGER counted AFTER DELETE ON posts BEGIN SELECT i FROM endless; END;
";

#[tokio::test]
async fn views_cost_neither_a_preview_nor_a_reset_anything() {
    for views in [doubling(), chained(), ENDLESS.to_owned()] {
        let host = Host::new().await;
        host.run(&views).await;
        let engine = engine(&host, &[], LONG).await;
        let plan = engine.plan(&Selection::all()).await.unwrap();
        assert!(plan.unclaimed().len() > 1);
        let report = engine.reset(everything()).await.unwrap();
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
        let from = Sqlite::open_from(&host.pool, &FactoryRows::None);
        let database = tokio::time::timeout(LONG, from).await;
        database.unwrap().unwrap().close().await;
    }
}

#[tokio::test]
async fn a_preview_that_takes_too_long_ends_at_its_limit_and_the_database_can_be_used() {
    let schema = "CREATE TABLE parents (code TEXT);
                  CREATE TABLE children (code TEXT REFERENCES parents (code));";
    let host = Host::with(&[schema], wal().foreign_keys(false)).await;
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)";
    host.run(&format!(
        "{fill} INSERT INTO parents SELECT 'parent ' || i FROM n;
         {fill} INSERT INTO children SELECT 'child ' || i FROM n"
    ))
    .await;
    let engine = engine(&host, &["children"], SHORT).await;
    for _ in 0..3 {
        let error = chain(&engine.plan(&Selection::all()).await.unwrap_err());
        assert!(error.contains("no answer within 2 s"), "{error}");
    }
    host.run("DELETE FROM children").await;
    engine.plan(&Selection::all()).await.unwrap();
}

#[tokio::test]
async fn a_reset_that_takes_too_long_gives_the_write_lock_back() {
    let seeds = "CREATE TABLE seeds (id INTEGER PRIMARY KEY);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                 INSERT INTO seeds SELECT i FROM n;";
    let host = Host::with(&[seeds], wal()).await;
    // As a migration creates it, but for a constraint that takes some 10 ms a row: for all of them
    // longer than the writer below waits.
    host.run(
        "DROP TABLE seeds;
         CREATE TABLE seeds (id INTEGER PRIMARY KEY CHECK (length(hex(zeroblob(4000000 + id))) > 0));
         INSERT INTO seeds VALUES (-1)",
    )
    .await;
    let engine = engine(&host, &[], SHORT).await;
    let error = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(error.contains("no answer within 2 s"), "{error}");
    host.run("DELETE FROM seeds WHERE id > 0").await;
    assert_eq!(host.number("SELECT count(*) FROM seeds").await, 1);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_gives_the_write_lock_back() {
    let host = Host::new().await;
    let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
    drop(database.write(&CLEARING).await.unwrap());
    host.run("INSERT INTO posts (text) VALUES ('after it')")
        .await;
}
