//! Preserved tables and the references between them and cleared ones.

use factory_reset::{Engine, ResetError, ResetRequest, Selection, chain};

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, counts, everything, own};
use crate::rich::wal;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE licences (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id), text TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, licence INTEGER REFERENCES licences (id));
    CREATE TABLE log (text TEXT);
    CREATE TRIGGER licence_changed AFTER UPDATE ON licences
        BEGIN INSERT INTO log VALUES ('changed'); END;
    CREATE TRIGGER licence_gone AFTER DELETE ON licences
        BEGIN INSERT INTO log VALUES ('gone'); END;
";

async fn host() -> Host {
    let host = Host::with(&[SCHEMA], wal()).await;
    host.run("INSERT INTO users VALUES (1, 'one'), (2, 'two'); INSERT INTO log VALUES ('x')")
        .await;
    host
}

async fn engine(host: &Host) -> Engine {
    let builder = host.builder(&["tables"]).await;
    builder
        .preserve_table("licences", "paid for")
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_preserved_row_that_refers_to_a_cleared_one_refuses_the_reset() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, 2, 'mine')").await;
    let engine = engine(&host).await;
    let before = dump(&host.pool).await;
    let error = engine.reset(everything()).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("`licences`") && text.contains("`users`"),
        "{text}"
    );
    assert!(matches!(error, ResetError::References(_)), "{error:?}");
    assert_same(&dump(&host.pool).await, &before);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn a_preserved_row_that_refers_to_nothing_stays_and_the_rest_goes() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, NULL, 'mine'); INSERT INTO orders VALUES (1, 1)")
        .await;
    let engine = engine(&host).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables").len(), 3);
    assert_eq!(host.number("SELECT count(*) FROM licences").await, 1);
    assert_eq!(host.number("SELECT count(*) FROM users").await, 0);
    let preserved = report.preserved.iter().find(|one| one.name == "licences");
    assert_eq!(preserved.unwrap().reason, "paid for");
}

#[tokio::test]
async fn a_trigger_on_a_preserved_table_is_still_there() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, NULL, 'mine')")
        .await;
    engine(&host).await.reset(everything()).await.unwrap();
    host.run("UPDATE licences SET text = 'changed'").await;
    assert_eq!(host.number("SELECT count(*) FROM log").await, 1);
}

#[tokio::test]
async fn references_that_were_dangling_before_between_kept_tables_do_not_matter() {
    let host = host().await;
    host.run(
        "PRAGMA foreign_keys = OFF; INSERT INTO orders VALUES (1, 99); PRAGMA foreign_keys = ON",
    )
    .await;
    let builder = host.builder(&["tables"]).await;
    let engine = builder
        .preserve_table("licences", "paid for")
        .preserve_table("orders", "for the books")
        .build()
        .await
        .unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(host.number("SELECT count(*) FROM orders").await, 1);
    assert_eq!(host.number("SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_selection_that_leaves_rows_dangling_is_refused() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, 2, 'mine')").await;
    let engine = host.tables_engine().await;
    let before = dump(&host.pool).await;
    let request = |tables: &[&str]| {
        let selection = Selection::steps(["tables"]).only("tables", tables.iter().copied());
        ResetRequest::new(selection).confirmed()
    };
    let error = engine.reset(request(&["users"])).await.unwrap_err();
    assert!(
        chain(&error).contains("`licences` refers to `users`"),
        "{}",
        chain(&error)
    );
    assert_same(&dump(&host.pool).await, &before);
    engine.reset(request(&["users", "licences"])).await.unwrap();
    assert_eq!(
        host.number("SELECT count(*) FROM log").await,
        1,
        "no trigger has fired"
    );
}

#[tokio::test]
async fn a_preserved_table_is_found_whatever_the_case_of_its_name() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, NULL, 'mine')")
        .await;
    let builder = host
        .builder(&["tables"])
        .await
        .preserve_table("Licences", "paid for");
    // Either SQLite's own rule for names holds, or the builder refuses what matches nothing.
    if let Ok(engine) = builder.build().await {
        engine.reset(everything()).await.unwrap();
    }
    assert_eq!(host.number("SELECT count(*) FROM licences").await, 1);
}

#[tokio::test]
async fn preserving_a_table_that_nobody_has_is_an_error() {
    let host = host().await;
    let builder = host
        .builder(&["tables"])
        .await
        .preserve_table("licenses", "paid for");
    let error = builder.build().await.unwrap_err();
    assert!(chain(&error).contains("licenses"), "{}", chain(&error));
}

#[tokio::test]
async fn row_numbers_of_kept_tables_stay() {
    let schema = "
        CREATE TABLE pages (text TEXT);
        CREATE VIRTUAL TABLE pages_fts USING fts5 (text, content = 'pages');
        CREATE TABLE visits (id INTEGER PRIMARY KEY);
    ";
    let host = Host::with(&[schema], wal()).await;
    host.run(
        "INSERT INTO pages (rowid, text) VALUES (3, 'three'), (7, 'seven');
         INSERT INTO pages_fts (rowid, text) SELECT rowid, text FROM pages",
    )
    .await;
    let engine = host.tables_engine().await;
    let selection = Selection::steps(["tables"]).only("tables", ["visits"]);
    engine
        .reset(ResetRequest::new(selection).confirmed())
        .await
        .unwrap();
    assert_eq!(host.number("SELECT max(rowid) FROM pages").await, 7);
    host.run("INSERT INTO pages_fts (pages_fts, rank) VALUES ('integrity-check', 1)")
        .await;
}
