//! Tables that are saved, and loaded again.

use factory_reset::{Database, Sqlite, chain};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use uuid::Uuid;

use crate::dump::{assert_same, assert_sound, dump, schema};
use crate::fixture::{CLEARING, Host};
use crate::rich::{used, wal};

type Saved = Vec<(String, Vec<u8>, u64)>;

async fn save(sqlite: &Sqlite) -> Saved {
    let mut transaction = sqlite.read().await.unwrap();
    let mut saved = Vec::new();
    for table in transaction.tables().await.unwrap() {
        if table == "_sqlx_migrations" {
            continue;
        }
        let mut bytes = Vec::new();
        let rows = transaction.save(&table, &mut bytes).await.unwrap();
        assert_eq!(rows, transaction.count(&table).await.unwrap());
        saved.push((table, bytes, rows));
    }
    transaction.rollback().await.unwrap();
    saved
}

fn names(saved: &Saved) -> Vec<String> {
    saved.iter().map(|(table, ..)| table.clone()).collect()
}

/// Empties the tables and loads them; in an order of its own.
async fn load(sqlite: &Sqlite, saved: &Saved) {
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    transaction.empty(&names(saved)).await.unwrap();
    for (table, bytes, rows) in saved.iter().rev() {
        let loaded = transaction.load(table, &mut &bytes[..]).await.unwrap();
        assert_eq!(loaded, *rows);
    }
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
}

async fn clear(sqlite: &Sqlite, tables: &[String]) {
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    transaction.clear(tables).await.unwrap();
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
}

/// SQLite's own tables, whose order a dump by rows shows.
async fn counters(host: &Host) -> Vec<(i64, String)> {
    let select = "SELECT rowid, name || ' ' || seq FROM sqlite_sequence \
                  UNION ALL SELECT rowid + 1000, tbl || idx || stat FROM sqlite_stat1 ORDER BY 1";
    sqlx::query_as(select).fetch_all(&host.pool).await.unwrap()
}

#[tokio::test]
async fn a_rich_host_is_saved_cleared_and_loaded_row_for_row() {
    for options in [
        wal(),
        wal().pragma("encoding", "'UTF-16le'"),
        wal().page_size(1024),
    ] {
        let host = used(options).await;
        host.run("INSERT INTO settings VALUES ('größe 🦀', x'c3a4')")
            .await;
        host.run("ANALYZE").await;
        let sqlite = host.sqlite().await;
        let (before, order) = (dump(&host.pool).await, schema(&host.pool).await);
        let counted = counters(&host).await;
        let saved = save(&sqlite).await;
        clear(&sqlite, &names(&saved)).await;
        assert_ne!(dump(&host.pool).await, before);
        load(&sqlite, &saved).await;
        assert_same(&dump(&host.pool).await, &before);
        assert_eq!(schema(&host.pool).await, order);
        assert_eq!(counters(&host).await, counted);
        assert_sound(&host.pool).await;
        for index in ["notes", "tags"] {
            host.run(&format!(
                "INSERT INTO {index} ({index}) VALUES ('integrity-check')"
            ))
            .await;
        }
        host.run("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
            .await;
        assert!(
            save(&sqlite).await == saved,
            "the same rows are the same bytes"
        );
    }
}

#[tokio::test]
async fn triggers_do_not_fire_and_are_back_in_their_places() {
    let host = used(wal()).await;
    let sqlite = host.sqlite().await;
    let order = schema(&host.pool).await;
    let saved = save(&sqlite).await;
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    transaction.empty(&names(&saved)).await.unwrap();
    let error = transaction.commit(Uuid::now_v7()).await.unwrap_err();
    assert!(
        chain(&error).contains("check the foreign keys first"),
        "{}",
        chain(&error)
    );
    let fired = "SELECT count(*) FROM audit";
    let before = host.number(fired).await;
    load(&sqlite, &saved).await;
    assert_eq!(host.number(fired).await, before);
    assert_eq!(schema(&host.pool).await, order);
    host.run("INSERT INTO accounts (email) VALUES ('new')")
        .await;
    assert_eq!(host.number(fired).await, before + 1);
}

#[tokio::test]
async fn the_statements_of_indexes_come_back_byte_for_byte() {
    let host = used(wal()).await;
    host.run(
        "CREATE INDEX  audit_text ON audit(text)\n\t ;
         CREATE INDEX audit_id ON audit (id) -- as it was;\n ;
         CREATE INDEX audit_both ON audit (id, text) -- to the end;",
    )
    .await;
    let sqlite = host.sqlite().await;
    let before = schema(&host.pool).await;
    let is_odd = |sql: &Option<String>| sql.as_ref().is_some_and(|sql| sql.trim_end() != sql);
    assert_eq!(before.iter().filter(|(.., sql)| is_odd(sql)).count(), 2);
    let saved = save(&sqlite).await;
    load(&sqlite, &saved).await;
    assert_eq!(schema(&host.pool).await, before);
}

#[tokio::test]
async fn a_file_that_got_other_pages_since_its_indexes_were_made_is_loaded_too() {
    let host = used(SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Delete)).await;
    host.run("PRAGMA page_size = 1024; VACUUM").await;
    let header = std::fs::read(host.data().join("host.db")).unwrap();
    assert_eq!(header[16..18], 1024_u16.to_be_bytes());
    let sqlite = host.sqlite().await;
    let before = dump(&host.pool).await;
    let saved = save(&sqlite).await;
    clear(&sqlite, &names(&saved)).await;
    load(&sqlite, &saved).await;
    assert_same(&dump(&host.pool).await, &before);
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn loading_is_for_tables_that_were_emptied() {
    let host = used(wal()).await;
    let sqlite = host.sqlite().await;
    let saved = save(&sqlite).await;
    let words = saved.iter().find(|(table, ..)| table == "words").unwrap();
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    let error = transaction
        .load("words", &mut &words.1[..])
        .await
        .unwrap_err();
    assert!(
        chain(&error).contains("empty it first"),
        "{}",
        chain(&error)
    );
    transaction.empty(&["notes".to_owned()]).await.unwrap();
    let error = transaction.check().await.unwrap_err();
    assert!(
        chain(&error).contains("virtual table `notes`"),
        "{}",
        chain(&error)
    );
    transaction.commit(Uuid::now_v7()).await.unwrap_err();
}

#[tokio::test]
async fn loaded_rows_must_find_their_parents() {
    let host = used(wal()).await;
    let sqlite = host.sqlite().await;
    let saved = save(&sqlite).await;
    let lists = saved.iter().find(|(table, ..)| table == "lists").unwrap();
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    let tables = ["lists", "accounts", "entries"].map(str::to_owned);
    transaction.empty(&tables).await.unwrap();
    transaction.load("lists", &mut &lists.1[..]).await.unwrap();
    let error = transaction.check().await.unwrap_err();
    assert!(
        chain(&error).contains("`lists` refer to rows of `accounts`"),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn a_definition_tells_the_columns_and_their_types() {
    let host = used(wal()).await;
    let mut transaction = host.sqlite().await.read().await.unwrap();
    for (table, definition) in [
        (
            "prices",
            r#""id" INTEGER, "net" REAL, "tax" REAL, "note" TEXT"#,
        ),
        ("words", r#"rowid, "word" TEXT"#),
        ("settings", r#""key" TEXT, "value" TEXT"#),
        ("odd \"name' table", r#"_rowid_, "rowid" TEXT"#),
        (
            "tags",
            "CREATE VIRTUAL TABLE tags USING fts5 (tag, content = '')",
        ),
    ] {
        let found = transaction.definition(table).await.unwrap();
        assert!(
            found.starts_with(definition) || table.starts_with("odd"),
            "{found}"
        );
    }
    transaction.definition("nobody").await.unwrap_err();
}

const VALUES: &str = "
    CREATE TABLE anything (a, b TEXT, c INTEGER, d REAL, e BLOB, f NUMERIC);
    CREATE TABLE strict (id INTEGER PRIMARY KEY AUTOINCREMENT, any ANY, UNIQUE (any)) STRICT;
";

/// A value as SQL.
fn value() -> impl Strategy<Value = String> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let hex = |bytes: &[u8]| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>()
    };
    prop_oneof![
        Just("NULL".to_owned()),
        Just("9e999".to_owned()),
        Just("-9e999".to_owned()),
        Just("-0.0".to_owned()),
        Just("5e-324".to_owned()),
        Just("zeroblob(70000)".to_owned()),
        any::<i64>().prop_map(|number| format!("({number} + 0)")
            .replace("(-9223372036854775808 + 0)", "-9223372036854775807")),
        proptest::num::f64::NORMAL.prop_map(|number| format!("{number:e}")),
        bytes().prop_map(move |bytes| format!("x'{}'", hex(&bytes))),
        bytes().prop_map(move |bytes| format!("CAST(x'{}' AS TEXT)", hex(&bytes))),
        "\\PC{0,20}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        "[0-9]{1,5}(\\.[0-9]{0,3})?".prop_map(|text| format!("'{text}'")),
    ]
}

/// Every value with its storage class and all its bytes.
async fn exact(host: &Host) -> Vec<String> {
    let columns = ["rowid", "a", "b", "c", "d", "e", "f"]
        .map(|name| format!("typeof({name}) || hex(CAST({name} AS BLOB)) || hex(quote({name}))"));
    let select = format!(
        "SELECT {} FROM anything UNION ALL \
         SELECT typeof(any) || hex(CAST(any AS BLOB)) || hex(quote(any)) || id FROM strict",
        columns.join(" || '|' || ")
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(select))
        .fetch_all(&host.pool)
        .await
        .unwrap()
}

#[test]
fn every_value_comes_back_exactly() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let host = runtime.block_on(Host::with(&[VALUES], wal()));
    let sqlite = runtime.block_on(host.sqlite());
    let rows = proptest::collection::vec(proptest::collection::vec(value(), 6), 0..12);
    let mut runner = TestRunner::new(Config::with_cases(48));
    runner
        .run(&rows, |rows| {
            runtime.block_on(async {
                host.run("DELETE FROM anything; DELETE FROM strict").await;
                for (number, row) in rows.iter().enumerate() {
                    let values = row.join(", ");
                    host.run(&format!(
                        "INSERT INTO anything (rowid, a, b, c, d, e, f) VALUES ({}, {values});
                         INSERT OR IGNORE INTO strict (any) VALUES ({})",
                        number * 3,
                        row[0]
                    ))
                    .await;
                }
                let (before, dumped) = (exact(&host).await, dump(&host.pool).await);
                let saved = save(&sqlite).await;
                clear(&sqlite, &names(&saved)).await;
                load(&sqlite, &saved).await;
                assert_eq!(exact(&host).await, before);
                assert_same(&dump(&host.pool).await, &dumped);
            });
            Ok(())
        })
        .unwrap();
}

const SMALL: &str = "
    CREATE TABLE pieces (name TEXT, size INTEGER);
    CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, picture BLOB, weight REAL);
    CREATE VIRTUAL TABLE search USING fts5 (text);
    INSERT INTO pieces VALUES ('one', 1), ('two', NULL), (CAST(x'ff00' AS TEXT), 3);
    INSERT INTO numbered (picture, weight) VALUES (x'0102', 1.5), (NULL, -0.0);
    INSERT INTO search VALUES ('hello world');
";

/// Loads `bytes` into an empty table, and says how that ended; nothing of it stays.
async fn try_load(sqlite: &Sqlite, table: &str, bytes: &[u8], of: &[u8]) -> Result<(), String> {
    let mut transaction = sqlite.write(&CLEARING).await.unwrap();
    transaction.empty(&[table.to_owned()]).await.unwrap();
    let loaded = transaction.load(table, &mut &*bytes).await;
    if let Err(error) = loaded {
        let refused = transaction.commit(Uuid::now_v7()).await.unwrap_err();
        assert!(chain(&refused).contains("half"), "{}", chain(&refused));
        return Err(chain(&error));
    }
    let mut again = Vec::new();
    transaction.save(table, &mut again).await.unwrap();
    assert!(again == of, "another content");
    transaction.rollback().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn damaged_bytes_are_an_error_and_nothing_changes() {
    let host = Host::with(&[SMALL], wal()).await;
    let sqlite = host.sqlite().await;
    let before = dump(&host.pool).await;
    for (table, bytes, _) in save(&sqlite).await {
        assert_eq!(try_load(&sqlite, &table, &bytes, &bytes).await, Ok(()));
        let step = (bytes.len() / 150).max(1);
        for length in (0..bytes.len()).step_by(step) {
            let error = try_load(&sqlite, &table, &bytes[..length], &bytes).await;
            assert!(error.unwrap_err().contains("it ends too early"));
        }
        for place in (0..bytes.len()).step_by(step) {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                try_load(&sqlite, &table, &damaged, &bytes)
                    .await
                    .unwrap_err();
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        let error = try_load(&sqlite, &table, &longer, &bytes)
            .await
            .unwrap_err();
        assert!(error.contains("more of it"), "{error}");
    }
    assert_same(&dump(&host.pool).await, &before);
}

#[tokio::test]
async fn what_was_saved_of_another_table_is_refused() {
    let host = Host::with(&[SMALL], wal()).await;
    let sqlite = host.sqlite().await;
    let saved = save(&sqlite).await;
    for (_, bytes, _) in saved.iter().filter(|(table, ..)| table != "pieces") {
        let error = try_load(&sqlite, "pieces", bytes, bytes).await.unwrap_err();
        assert!(error.contains("another table"), "{error}");
    }
    // A length that promises more than comes takes no memory.
    let (_, bytes, _) = &saved[1];
    let place = bytes
        .windows(3)
        .position(|window| window == b"one")
        .unwrap();
    let mut promising = bytes[..place].to_vec();
    promising[place - 4..].copy_from_slice(&900_000_000_u32.to_be_bytes());
    let error = try_load(&sqlite, "pieces", &promising, bytes)
        .await
        .unwrap_err();
    assert!(error.contains("too early"), "{error}");
    promising[place - 4..].copy_from_slice(&u32::MAX.to_be_bytes());
    let error = try_load(&sqlite, "pieces", &promising, bytes)
        .await
        .unwrap_err();
    assert!(error.contains("larger than"), "{error}");
}
