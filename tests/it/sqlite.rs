//! A full reset of a database leaves exactly what migrations alone produce.

use std::collections::BTreeMap;
use std::fs;

use factory_reset::Selection;
use serde_json::json;

use crate::dump::{assert_same, assert_sound, dump, schema};
use crate::fixture::{Host, counts, everything, migrator, step};
use crate::rich::{fresh, used, wal};

/// What the host itself counts, table by table; a full-text index over another table holds no
/// rows of their own.
async fn counted(host: &Host) -> BTreeMap<String, u64> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN ('_factory_reset', '_sqlx_migrations')",
    )
    .fetch_all(&host.pool)
    .await
    .unwrap();
    let mut counted = BTreeMap::new();
    for table in tables {
        let rows = match &*table {
            "articles_fts" => 0,
            _ => {
                let quoted = table.replace('"', "\"\"");
                host.number(&format!("SELECT count(*) FROM \"{quoted}\""))
                    .await
            }
        };
        counted.insert(table, rows.unsigned_abs());
    }
    counted
}

#[tokio::test]
async fn every_table_equals_a_fresh_install_row_for_row() {
    let host = used(wal()).await;
    let report = host.reset_tables().await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_same(
        &dump(&host.pool).await,
        &dump(&fresh(wal()).await.pool).await,
    );
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn the_schema_is_byte_for_byte_what_it_was() {
    let host = used(wal()).await;
    let engine = host.tables_engine().await;
    let before = schema(&host.pool).await;
    engine.reset(everything()).await.unwrap();
    assert_eq!(schema(&host.pool).await, before);
}

#[tokio::test]
async fn row_numbers_of_a_table_without_key_and_index_come_back() {
    let seeds = "CREATE TABLE lines (text TEXT);
                 INSERT INTO lines (rowid, text) VALUES (3, 'three'), (7, 'seven');";
    let host = Host::with(&[seeds], wal()).await;
    let before = dump(&host.pool).await;
    host.run("DELETE FROM lines; INSERT INTO lines VALUES ('mine')")
        .await;
    host.reset_tables().await;
    assert_same(&dump(&host.pool).await, &before);
}

#[tokio::test]
async fn preview_report_and_the_hosts_own_counts_agree() {
    let host = used(wal()).await;
    let engine = host.tables_engine().await;
    let counted = counted(&host).await;
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    assert_eq!(counts(&preview, "tables"), counted);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables"), counted);
    assert_eq!(report.cleared, preview.cleared);
    assert_eq!(report.cleared["tables_cleared"], json!(counted.len()));
    assert_eq!(
        report.cleared["rows_deleted"],
        json!(counted.values().sum::<u64>())
    );
    assert_eq!(report.digest, preview.digest);
    assert_eq!(
        step(&report, "tables").counts["rows"],
        counted.values().sum::<u64>()
    );
}

#[tokio::test]
async fn a_second_reset_finds_only_the_factory_rows() {
    let host = used(wal()).await;
    let engine = host.tables_engine().await;
    engine.reset(everything()).await.unwrap();
    let seeded = counted(&fresh(wal()).await).await;
    let once = dump(&host.pool).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables"), seeded);
    assert_same(&dump(&host.pool).await, &once);
}

#[tokio::test]
async fn search_triggers_and_constraints_work_again_through_the_hosts_pool() {
    let host = used(wal()).await;
    let engine = host.tables_engine().await;
    // Connections of the pool hold statements and the indexes' structures in their caches.
    let found = async |table: &str, word: &str| {
        host.number(&format!(
            "SELECT count(*) FROM {table} WHERE {table} MATCH '{word}'"
        ))
        .await
    };
    for table in ["notes", "articles_fts", "letters", "tags"] {
        assert!(found(table, "canaryzq*").await > 0, "{table}");
    }
    engine.reset(everything()).await.unwrap();
    for (table, word) in [
        ("notes", "seeded"),
        ("articles_fts", "allowed"),
        ("letters", "seeded"),
        ("tags", "seeded"),
    ] {
        assert_eq!(found(table, "canaryzq*").await, 0, "{table}");
        assert_eq!(found(table, word).await, 1, "{table}");
    }
    host.run("INSERT INTO articles (title, body) VALUES ('fresh', 'walrus')")
        .await;
    assert_eq!(found("articles_fts", "walrus").await, 1);
    host.run("DELETE FROM articles WHERE title = 'fresh'").await;
    assert_eq!(found("articles_fts", "walrus").await, 0);
    host.run("INSERT INTO notes VALUES ('fresh', 'walrus')")
        .await;
    assert_eq!(found("notes", "walrus").await, 1);
    host.run("INSERT INTO notes (notes) VALUES ('integrity-check')")
        .await;
    host.run("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        .await;
    host.run("INSERT INTO letters (letters) VALUES ('integrity-check')")
        .await;
    host.run("INSERT INTO accounts (email) VALUES ('a@example.org'); DELETE FROM accounts")
        .await;
    assert_eq!(host.number("SELECT count(*) FROM audit").await, 2);
    assert_eq!(
        host.number("SELECT id FROM places WHERE west <= 0.5 AND east >= 0.5")
            .await,
        11
    );
    assert_eq!(
        host.number("SELECT seq FROM sqlite_sequence WHERE name = 'counters'")
            .await,
        3
    );
}

#[tokio::test]
async fn a_table_made_by_hand_is_unclaimed_and_stays() {
    let host = Host::new().await;
    host.run("CREATE TABLE by_hand (text TEXT); INSERT INTO by_hand VALUES ('kept')")
        .await;
    let report = host.reset_tables().await;
    let unclaimed: Vec<_> = report
        .unclaimed
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(unclaimed, ["by_hand", "media"]);
    assert_eq!(host.number("SELECT count(*) FROM by_hand").await, 1);
}

#[tokio::test]
async fn a_table_of_a_new_migration_is_cleared_without_further_ado() {
    let mut host = Host::new().await;
    let later = "CREATE TABLE reactions (id INTEGER PRIMARY KEY, emoji TEXT);";
    host.migrator = migrator(&host.outside("migrations"), &[crate::fixture::POSTS, later]).await;
    // The engine is built before the host's migrations run.
    let engine = host.tables_engine().await;
    let absent = engine.plan(&Selection::all()).await.unwrap().preview();
    assert_eq!(counts(&absent, "tables")["reactions"], 0);
    host.migrator.run(&host.pool).await.unwrap();
    host.run("INSERT INTO reactions (emoji) VALUES ('+1'), ('-1')")
        .await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables")["reactions"], 2);
    assert_eq!(host.number("SELECT count(*) FROM reactions").await, 0);
}

#[tokio::test]
async fn a_virtual_table_that_only_shows_another_ones_words_is_no_obstacle() {
    let schema = "CREATE VIRTUAL TABLE notes USING fts5 (body);
                  CREATE VIRTUAL TABLE vocabulary USING fts5vocab (notes, row);";
    let host = Host::with(&[schema], wal()).await;
    host.run("INSERT INTO notes VALUES ('one two three')").await;
    let report = host.reset_tables().await;
    assert_eq!(counts(&report, "tables")["notes"], 1);
    assert_eq!(host.number("SELECT count(*) FROM vocabulary").await, 0);
}

#[tokio::test]
async fn a_selection_of_tables_clears_those_alone() {
    let host = used(wal()).await;
    let before = dump(&host.pool).await;
    let engine = host.tables_engine().await;
    let selection = Selection::steps(["tables"]).only("tables", ["counters", "notes"]);
    let request = factory_reset::ResetRequest::new(selection).confirmed();
    let report = engine.reset(request).await.unwrap();
    assert_eq!(
        counts(&report, "tables"),
        BTreeMap::from([("counters".into(), 201), ("notes".into(), 201)])
    );
    let (after, factory) = (dump(&host.pool).await, dump(&fresh(wal()).await.pool).await);
    for (table, rows) in &before {
        if table.starts_with("sqlite_") {
            continue;
        }
        let expected = if table == "counters" || table.starts_with("notes_") {
            &factory[table]
        } else {
            rows
        };
        assert_eq!(&after[table], expected, "table {table}");
    }
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn the_files_of_the_database_are_neither_cleared_nor_unclaimed() {
    let host = Host::new().await;
    let plan = host.engine().await.plan(&Selection::all()).await.unwrap();
    assert!(plan.unclaimed().is_empty(), "{:?}", plan.unclaimed());
    assert!(fs::exists(host.data().join("host.db-wal")).unwrap());
}

#[tokio::test]
async fn full_text_indexes_have_the_rows_that_they_hold_themselves() {
    let host = Host::with(
        &["
        CREATE TABLE docs (id INTEGER PRIMARY KEY, text TEXT);
        CREATE VIRTUAL TABLE own USING fts5 (text);
        CREATE VIRTUAL TABLE none USING fts5 (text, content = '');
        CREATE VIRTUAL TABLE uncounted USING fts5 (text, content = '', columnsize = 0);
        CREATE VIRTUAL TABLE over USING fts5 (text, content = 'docs', content_rowid = 'id');
        CREATE VIRTUAL TABLE over_uncounted USING fts5 (text, content = docs, columnsize = 0);
        CREATE VIRTUAL TABLE old_none USING fts4 (text, content=\"\");
        "],
        wal(),
    )
    .await;
    host.run(
        "INSERT INTO docs VALUES (1, 'one'), (2, 'two'), (5, 'five');
         INSERT INTO own (rowid, text) SELECT id, text FROM docs;
         INSERT INTO none (rowid, text) SELECT id, text FROM docs;
         INSERT INTO uncounted (rowid, text) SELECT id, text FROM docs;
         INSERT INTO over (rowid, text) SELECT id, text FROM docs;
         INSERT INTO over_uncounted (rowid, text) SELECT id, text FROM docs;
         INSERT INTO old_none (docid, text) SELECT id, text FROM docs;",
    )
    .await;
    let expected = [
        ("docs", 3),
        ("own", 3),
        (
            "none",
            host.number("SELECT count(*) FROM none")
                .await
                .unsigned_abs(),
        ),
        ("old_none", 3),
        ("uncounted", 0),
        ("over", 0),
        ("over_uncounted", 0),
    ];
    let report = host.reset_tables().await;
    let cleared = counts(&report, "tables");
    for (table, rows) in expected {
        assert_eq!(cleared.get(table).copied(), Some(rows), "{table}");
    }
    assert_eq!(cleared["none"], 3);
    assert_eq!(host.number("SELECT count(*) FROM none").await, 0);
}
