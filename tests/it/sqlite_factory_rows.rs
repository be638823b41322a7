//! Factory rows from elsewhere, for a service without migrations of sqlx.

use std::fs;

use factory_reset::{Database, Engine, FactoryRows, RECORD_TABLE, Report, Sqlite, chain};
use sqlx::sqlite::SqliteConnectOptions;

use crate::dump::{assert_same, assert_sound, dump, schema};
use crate::fixture::{Host, counts, everything, only};
use crate::rich::{MIGRATIONS, fresh, used, wal};

/// An engine that clears every table of a fresh install but the one that tracks migrations.
async fn engine(host: &Host, rows: &FactoryRows) -> Engine {
    let database = Sqlite::open_from(&host.pool, rows).await.unwrap();
    let builder = only(&["tables"]).data_dir(host.data()).database(database);
    let builder = builder.preserve_table("_sqlx_migrations", "tracks migrations");
    builder.build().await.unwrap()
}

async fn reset(host: &Host, rows: &FactoryRows) -> Report {
    let engine = engine(host, rows).await;
    engine.reset(everything()).await.unwrap()
}

async fn error(host: &Host, rows: &FactoryRows) -> String {
    chain(&Sqlite::open_from(&host.pool, rows).await.unwrap_err())
}

fn file(host: &Host) -> String {
    host.data().join("host.db").display().to_string()
}

#[tokio::test]
async fn a_pristine_database_gives_its_rows_counters_and_indexes() {
    let pristine = fresh(wal()).await;
    let expected = dump(&pristine.pool).await;
    let bytes = fs::read(file(&pristine)).unwrap();
    let host = used(wal()).await;
    let objects = schema(&host.pool).await;
    let report = reset(&host, &FactoryRows::Database(file(&pristine))).await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    assert_same(&dump(&host.pool).await, &expected);
    assert_sound(&host.pool).await;
    let mut after = schema(&host.pool).await;
    after.retain(|(_, name, ..)| name != RECORD_TABLE);
    assert_eq!(after, objects);
    assert!(fs::read(file(&pristine)).unwrap() == bytes, "only read");
}

#[tokio::test]
async fn what_a_pristine_database_has_found_by_analyze_comes_with_it() {
    let pristine = fresh(wal()).await;
    pristine.run("ANALYZE").await;
    let expected = dump(&pristine.pool).await;
    assert!(expected.contains_key("sqlite_stat1"));
    let host = used(wal()).await;
    reset(&host, &FactoryRows::Database(file(&pristine))).await;
    assert_same(&dump(&host.pool).await, &expected);
}

#[tokio::test]
async fn a_script_that_creates_tables_gives_what_it_makes_of_an_empty_database() {
    let expected = dump(&fresh(wal()).await.pool).await;
    let host = used(wal()).await;
    let report = reset(&host, &FactoryRows::Script(MIGRATIONS.join(""))).await;
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    assert_same(&dump(&host.pool).await, &expected);
}

#[tokio::test]
async fn a_script_that_fills_tables_runs_on_the_tables_there_are() {
    let host = used(wal()).await;
    let script = "
        BEGIN;
        INSERT INTO lists (owner, title) VALUES (1, 'first');
        INSERT INTO accounts (email, favourite) VALUES ('first@example.org', 1);
        INSERT INTO articles VALUES (4, 'manual', 'beginnings');
        COMMIT;
    ";
    reset(&host, &FactoryRows::Script(script.to_owned())).await;
    for (count, rows) in [
        ("SELECT count(*) FROM lists", 1),
        ("SELECT seq FROM sqlite_sequence WHERE name = 'lists'", 1),
        ("SELECT count(*) FROM accounts", 1),
        ("SELECT count(*) FROM categories", 0),
        (
            "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'beginnings'",
            1,
        ),
        (
            "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'canaryzq'",
            0,
        ),
        // Its triggers have fired for it.
        (
            "SELECT count(*) FROM audit WHERE text = 'new: first@example.org'",
            1,
        ),
    ] {
        assert_eq!(host.number(count).await, rows, "{count}");
    }
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn without_rows_every_table_is_empty_and_its_counters_start_again() {
    let host = used(wal()).await;
    let counted = reset(&host, &FactoryRows::None).await;
    assert!(counts(&counted, "tables").values().sum::<u64>() > 2000);
    let left = dump(&host.pool).await;
    let indexes = ["notes", "articles_fts", "tags", "letters", "places"];
    for table in left.keys() {
        // An empty index has rows about itself.
        let of_index = |name: &&str| table.starts_with(&format!("{name}_"));
        assert!(indexes.iter().any(of_index), "{table}");
    }
    host.run("INSERT INTO counters (label) VALUES ('new')")
        .await;
    assert_eq!(host.number("SELECT id FROM counters").await, 1);
    host.run("INSERT INTO articles (title, body) VALUES ('canaryzq', 'again')")
        .await;
    let found = "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'canaryzq'";
    assert_eq!(host.number(found).await, 1);
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn opening_only_reads() {
    let host = used(SqliteConnectOptions::new()).await;
    let before = fs::read(file(&host)).unwrap();
    let database = Sqlite::open_from(&host.pool, &FactoryRows::None)
        .await
        .unwrap();
    assert_eq!(database.preserved_tables(), []);
    let mut transaction = database.read().await.unwrap();
    assert_eq!(
        transaction.tables().await.unwrap(),
        *database.migrated_tables()
    );
    transaction.rollback().await.unwrap();
    drop(database);
    assert!(fs::read(file(&host)).unwrap() == before);
}

#[tokio::test]
async fn a_table_that_the_source_lacks_is_nobodys() {
    let host = used(wal()).await;
    host.run("CREATE TABLE newer (id INTEGER); INSERT INTO newer VALUES (1)")
        .await;
    let report = reset(&host, &FactoryRows::Script(MIGRATIONS.join(""))).await;
    let unclaimed = report.unclaimed.iter().map(|one| one.name.as_str());
    assert_eq!(unclaimed.collect::<Vec<_>>(), ["newer"]);
    assert_eq!(host.number("SELECT count(*) FROM newer").await, 1);
}

#[tokio::test]
async fn a_source_that_does_not_fit_is_an_error_that_says_how() {
    let host = Host::new().await;
    let other = Host::with(&["CREATE TABLE posts (id INTEGER, title TEXT)"], wal()).await;
    fs::write(host.outside("text.db"), "no database".repeat(100)).unwrap();
    let outside = |name: &str| FactoryRows::Database(host.outside(name).display().to_string());
    let script = |sql: &str| FactoryRows::Script(sql.to_owned());
    for (rows, expected) in [
        (outside("missing.db"), "missing.db`: No such file"),
        (outside("text.db"), "file is not a database"),
        (
            FactoryRows::Database(file(&host)),
            "the service's database itself",
        ),
        (
            FactoryRows::Database(file(&other)),
            "`posts` has the columns",
        ),
        (
            script("CREATE TABLE unknown (x)"),
            "the table `unknown`, which this database lacks",
        ),
        (
            script("INSERT INTO unknown VALUES (1)"),
            "no such table: unknown",
        ),
        (
            script("BEGIN; INSERT INTO drafts VALUES (1, 'x')"),
            "end it with `COMMIT;`",
        ),
        (script(".read other.sql"), "syntax error"),
    ] {
        let error = error(&host, &rows).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let made = format!("SELECT count(*) FROM sqlite_schema WHERE name = '{RECORD_TABLE}'");
    assert_eq!(host.number(&made).await, 0);
}

#[tokio::test]
async fn rows_that_refer_to_nothing_undo_the_reset() {
    let host = used(wal()).await;
    let before = dump(&host.pool).await;
    let script = "INSERT INTO entries VALUES (999, 1, 'of no list')";
    let engine = engine(&host, &FactoryRows::Script(script.to_owned())).await;
    let error = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(
        error.contains("`entries`") && error.contains("`lists`"),
        "{error}"
    );
    assert_same(&dump(&host.pool).await, &before);
}
