//! A database written down row for row.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

/// Tables with their rows, each row as text; row numbers, generated columns, shadow tables
/// and SQLite's own tables included.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

/// What no reset promises anything about.
const TRACKING: [&str; 2] = ["_sqlx_migrations", "_factory_reset"];

/// Every table that has rows, but for those that track migrations and resets.
pub(crate) async fn dump(pool: &SqlitePool) -> Dump {
    let mut connection = pool.acquire().await.unwrap();
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "SELECT list.name, list.wr FROM pragma_table_list AS list \
         JOIN sqlite_schema AS known ON known.name = list.name AND known.rootpage > 0 \
         WHERE list.schema = 'main' AND list.type IN ('table', 'shadow')",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut dump = Dump::new();
    for (table, without_rowid) in tables {
        if TRACKING.contains(&&*table) {
            continue;
        }
        let mut rows = rows(&mut connection, &table, without_rowid).await;
        if table.starts_with("sqlite_stat") {
            rows.retain(|row| !TRACKING.iter().any(|name| row.contains(name)));
        }
        if !rows.is_empty() {
            dump.insert(table, rows);
        }
    }
    dump
}

async fn rows(connection: &mut SqliteConnection, table: &str, without_rowid: bool) -> Vec<String> {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_xinfo(?, 'main')")
        .bind(table)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let mut parts: Vec<_> = columns
        .iter()
        .map(|column| format!("quote({})", quote(column)))
        .collect();
    let hidden = columns
        .iter()
        .any(|column| column.eq_ignore_ascii_case("rowid"));
    // The order of the rows in SQLite's own tables says nothing.
    if !without_rowid && !table.starts_with("sqlite_") {
        parts.push(if hidden { "_rowid_" } else { "rowid" }.to_owned());
    }
    let select = format!(
        "SELECT {} AS row FROM main.{} ORDER BY row",
        parts.join(" || ', ' || "),
        quote(table)
    );
    // SQLite's text need not be UTF-8.
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(select))
        .fetch_all(connection)
        .await
        .unwrap();
    rows.iter()
        .map(|row| String::from_utf8_lossy(row).into_owned())
        .collect()
}

/// The same tables with the same rows; says which are not.
pub(crate) fn assert_same(left: &Dump, right: &Dump) {
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differ: Vec<_> = names
        .into_iter()
        .filter(|name| left.get(*name) != right.get(*name))
        .map(|name| (name, left.get(name), right.get(name)))
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

/// The schema table, in its order.
pub(crate) async fn schema(pool: &SqlitePool) -> Vec<(String, String, String, Option<String>)> {
    sqlx::query_as("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// Nothing is broken.
pub(crate) async fn assert_sound(pool: &SqlitePool) {
    let integrity: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(pool)
        .await
        .unwrap();
    assert_eq!(integrity, ["ok"]);
    let dangling: Vec<String> =
        sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check")
            .fetch_all(pool)
            .await
            .unwrap();
    assert!(dangling.is_empty(), "{dangling:?}");
}
