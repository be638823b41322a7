//! SQLite's own rows about a table: its AUTOINCREMENT counter, and what ANALYZE has found.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::catalogue::factory_table;
use super::kept::Kept;
use super::load::malformed;
use super::save::save_rows;
use super::stream::{Input, Malformed, Output};
use super::value::{END, Value, read_row};
use super::{DatabaseError, Table, factory, quote};

/// Each of SQLite's tables with its columns; the first one names the table that a row is about.
const COUNTERS: [(&str, &[&str]); 4] = [
    ("sqlite_sequence", &["name", "seq"]),
    ("sqlite_stat1", &["tbl", "idx", "stat"]),
    (
        "sqlite_stat3",
        &["tbl", "idx", "neq", "nlt", "ndlt", "sample"],
    ),
    (
        "sqlite_stat4",
        &["tbl", "idx", "neq", "nlt", "ndlt", "sample"],
    ),
];

/// Takes the rows about `tables` out: counters start again, and the samples that ANALYZE took
/// of deleted rows go.
pub(super) async fn empty(
    connection: &mut SqliteConnection,
    tables: &[&Table],
) -> Result<(), DatabaseError> {
    let known = known(connection, "main").await?;
    for (counter, columns) in COUNTERS {
        if known.contains(counter) {
            let delete = format!("DELETE FROM main.{counter} WHERE {} = ?", columns[0]);
            for_each(connection, &delete, tables).await?;
        }
    }
    Ok(())
}

/// Brings the rows about `tables` to their factory state. No counter is left below the number
/// of a kept row, which a new one would meet.
pub(super) async fn reset(
    connection: &mut SqliteConnection,
    tables: &[&Table],
    kept: &Kept,
) -> Result<(), DatabaseError> {
    let mut raised = Vec::new();
    for table in tables.iter().filter(|table| kept.rows(&table.name) > 0) {
        if let Some(number) = largest(connection, table).await? {
            raised.push((table, number));
        }
    }
    empty(connection, tables).await?;
    let known_here = known(connection, "main").await?;
    let known_fresh = known(connection, factory::SCHEMA).await?;
    for (counter, columns) in COUNTERS {
        if known_here.contains(counter) && known_fresh.contains(counter) {
            let copy = format!(
                "INSERT INTO main.{counter} SELECT * FROM {} WHERE {} = ?",
                factory_table(counter),
                columns[0]
            );
            for_each(connection, &copy, tables).await?;
        }
    }
    for (table, number) in raised {
        for statement in [
            "INSERT INTO main.sqlite_sequence (name, seq) SELECT ?1, ?2 \
             WHERE ?1 NOT IN (SELECT name FROM main.sqlite_sequence)",
            "UPDATE main.sqlite_sequence SET seq = ?2 WHERE name = ?1 AND seq < ?2",
        ] {
            sqlx::query(statement)
                .bind(&table.name)
                .bind(number)
                .execute(&mut *connection)
                .await
                .map_err(failed(&table.name))?;
        }
    }
    Ok(())
}

/// Makes the tables of what ANALYZE finds, for which there is no other statement.
pub(super) async fn make_findings(connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
    sqlx::query("ANALYZE main.sqlite_schema")
        .execute(connection)
        .await
        .map_err(DatabaseError::on("make the tables of ANALYZE"))?;
    Ok(())
}

/// Copies the rows about all tables from the schema `from`.
pub(super) async fn copy(
    connection: &mut SqliteConnection,
    from: &str,
) -> Result<(), DatabaseError> {
    let there = known(connection, from).await?;
    if there
        .iter()
        .any(|counter| counter.starts_with("sqlite_stat"))
    {
        make_findings(connection).await?;
    }
    let mut statements = Vec::new();
    for (counter, columns) in COUNTERS {
        if there.contains(counter) {
            let columns = columns.join(", ");
            statements.push(format!("DELETE FROM main.{counter}"));
            statements.push(format!(
                "INSERT INTO main.{counter} ({columns}) \
                 SELECT {columns} FROM {from}.{counter} ORDER BY rowid"
            ));
        }
    }
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on("copy the counters"))?;
    }
    Ok(())
}

/// Takes the rows about `tables` over into the database `schema`.
pub(super) async fn carry(
    connection: &mut SqliteConnection,
    tables: &[&Table],
    schema: &str,
) -> Result<(), DatabaseError> {
    let known = known(connection, "main").await?;
    for (counter, columns) in COUNTERS {
        if known.contains(counter) {
            let key = columns[0];
            let delete = format!("DELETE FROM {schema}.{counter} WHERE {key} = ?");
            for_each(connection, &delete, tables).await?;
            let columns = columns.join(", ");
            let copy = format!(
                "INSERT INTO {schema}.{counter} ({columns}) \
                 SELECT {columns} FROM main.{counter} WHERE {key} = ? ORDER BY rowid"
            );
            for_each(connection, &copy, tables).await?;
        }
    }
    Ok(())
}

/// The largest row number in `table`, should it have a counter: SQLite begins one with the
/// first row.
async fn largest(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Option<i64>, DatabaseError> {
    let [key] = table.storage.key.as_slice() else {
        return Ok(None);
    };
    if !known(connection, "main").await?.contains("sqlite_sequence") {
        return Ok(None);
    }
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT (SELECT max({key}) FROM main.{}) FROM main.sqlite_sequence WHERE name = ?",
        quote(&table.name)
    )))
    .bind(&table.name)
    .fetch_optional(connection)
    .await
    .map(Option::flatten)
    .map_err(failed(&table.name))
}

/// Saves the rows about `table`, with the numbers that give their order.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    table: &Table,
    output: &mut Output<'_>,
) -> Result<(), DatabaseError> {
    let known = known(connection, "main").await?;
    let names: Vec<&str> = names(table).collect();
    for (counter, columns) in COUNTERS {
        if !known.contains(counter) || names.is_empty() {
            output.buffer().push(END);
            continue;
        }
        let select = format!(
            "SELECT rowid, {} FROM main.{counter} WHERE {} IN ({}) ORDER BY rowid",
            columns.join(", "),
            columns[0],
            vec!["?"; names.len()].join(", ")
        );
        save_rows(connection, &table.name, select, &names, output, None).await?;
    }
    Ok(())
}

/// Puts the rows about `table` in that were saved.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    table: &Table,
    input: &mut Input<'_>,
) -> Result<(), DatabaseError> {
    // Loading rows has begun a counter.
    empty(connection, &[table]).await?;
    let known = known(connection, "main").await?;
    for (counter, columns) in COUNTERS {
        let mut row = Vec::new();
        while let Some(_size) = read_row(input, columns.len() + 1, &mut row)
            .await
            .map_err(malformed(table))?
        {
            let is_about = |value: &Value| matches!(value, Value::Text(of) if names(table).any(|name| name == of));
            if !matches!(row[0], Value::Integer(_)) || !is_about(&row[1]) {
                return Err(malformed(table)(Malformed::OtherCounter));
            }
            let row = std::mem::take(&mut row);
            // Where nobody has run ANALYZE there is no place for its findings, nor a need.
            if known.contains(counter) {
                insert(connection, table, counter, columns, row).await?;
            }
        }
    }
    Ok(())
}

/// Inserts a row at its old number, or, where another has come there, at the end.
async fn insert(
    connection: &mut SqliteConnection,
    table: &Table,
    counter: &str,
    columns: &[&str],
    row: Vec<Value>,
) -> Result<(), DatabaseError> {
    let placeholders = row.iter().skip(1).map(Value::placeholder);
    let insert = format!(
        "WITH number (n) AS (SELECT ?) \
         INSERT INTO main.{counter} (rowid, {}) \
         SELECT (SELECT n FROM number WHERE n NOT IN (SELECT rowid FROM main.{counter})), {}",
        columns.join(", "),
        placeholders.collect::<Vec<_>>().join(", ")
    );
    let mut arguments = SqliteArguments::default();
    for value in row {
        value.bind(&mut arguments).map_err(failed(&table.name))?;
    }
    sqlx::query_with(AssertSqlSafe(insert), arguments)
        .execute(connection)
        .await
        .map_err(failed(&table.name))?;
    Ok(())
}

/// What the rows about `table` call it.
fn names(table: &Table) -> impl Iterator<Item = &str> {
    table.storages().iter().map(|storage| storage.name.as_str())
}

async fn known(
    connection: &mut SqliteConnection,
    schema: &str,
) -> Result<BTreeSet<String>, DatabaseError> {
    let known: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' \
         AND name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat3', 'sqlite_stat4')"
    )))
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::on("read the database's catalogue"))?;
    Ok(known.into_iter().collect())
}

async fn for_each(
    connection: &mut SqliteConnection,
    statement: &str,
    tables: &[&Table],
) -> Result<(), DatabaseError> {
    for name in tables.iter().flat_map(|table| names(table)) {
        sqlx::query(AssertSqlSafe(statement))
            .bind(name)
            .execute(&mut *connection)
            .await
            .map_err(failed(name))?;
    }
    Ok(())
}

fn failed(table: &str) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    DatabaseError::on(format!("reset the counters of table `{table}`"))
}
