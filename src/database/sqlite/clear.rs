//! Brings tables to their factory state inside the open transaction.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::catalogue::{Storage, factory_table};
use super::kept::Kept;
use super::set_aside::SetAside;
use super::{Catalogue, DatabaseError, Table, Tally, count, counters, full_text, quote};

/// The temporary table for rows that are kept.
const ASIDE: &str = "_factory_reset_aside";

/// Clears `tables`, but for the kept rows, and puts the factory rows back. Returns how many
/// rows of each went. Where a factory row and a kept one have the same key, the kept one stays.
///
/// Foreign keys and triggers are off on the connection, so every DELETE takes SQLite's truncate
/// optimisation (<https://sqlite.org/lang_delete.html#the_truncate_optimization>). A virtual table is cleared through its shadow tables, which
/// get exactly the content that they have in a fresh install: deleting through the table
/// leaves the words of deleted rows in a full-text index.
pub(super) async fn clear(
    connection: &mut SqliteConnection,
    tables: &[&Table],
    catalogue: &Catalogue,
    factory: &Catalogue,
    kept: &Kept,
    tally: Option<&Tally>,
) -> Result<BTreeMap<String, u64>, DatabaseError> {
    let mut rows = BTreeMap::new();
    for table in tables {
        let fresh = factory.table(&table.name);
        let gone = match kept.condition(table, &quote(&table.name)) {
            Some(condition) => clear_but(connection, table, &condition).await?,
            None => clear_table(connection, table, fresh).await?,
        };
        rows.insert(table.name.clone(), gone);
        if let Some(tally) = tally {
            tally(gone);
        }
    }
    for table in tables {
        if let Some(fresh) = factory.table(&table.name) {
            let or = if kept.rows(&table.name) == 0 {
                "ABORT"
            } else {
                "IGNORE"
            };
            for storage in fresh.storages() {
                copy(connection, storage, or).await?;
            }
        }
    }
    counters::reset(connection, tables, kept).await?;
    full_text::rebuild(connection, catalogue, kept, tables).await?;
    Ok(rows)
}

/// Fills an empty table with the rows of the fresh install's.
pub(super) async fn fill(
    connection: &mut SqliteConnection,
    fresh: &Table,
) -> Result<(), DatabaseError> {
    for storage in fresh.storages() {
        if fresh.virtual_table.is_some() {
            // It begins with rows of its own.
            delete(connection, &storage.name).await?;
        }
        copy(connection, storage, "ABORT").await?;
    }
    Ok(())
}

/// Takes every row out of `tables`, and returns how many each had. Their indexes are set
/// `aside`.
pub(super) async fn empty(
    connection: &mut SqliteConnection,
    tables: &[&Table],
    aside: &mut SetAside,
) -> Result<BTreeMap<String, u64>, DatabaseError> {
    let mut rows = BTreeMap::new();
    for table in tables {
        let deleted = clear_table(connection, table, Some(table)).await?;
        rows.insert(table.name.clone(), deleted);
    }
    // Only now, when nothing is in them.
    aside.take(connection, tables).await?;
    counters::empty(connection, tables).await?;
    Ok(rows)
}

/// Deletes the rows of `table` that do not fulfil `condition`: the others are set aside for as
/// long, for the truncate optimisation deletes all or none.
async fn clear_but(
    connection: &mut SqliteConnection,
    table: &Table,
    condition: &str,
) -> Result<u64, DatabaseError> {
    let columns = table.storage.column_list();
    let name = quote(&table.name);
    run(
        connection,
        &table.name,
        format!("CREATE TEMP TABLE {ASIDE} AS SELECT {columns} FROM main.{name} WHERE {condition}"),
    )
    .await?;
    let deleted = delete(connection, &table.name).await?;
    let kept = run(
        connection,
        &table.name,
        format!("INSERT OR ABORT INTO main.{name} ({columns}) SELECT * FROM temp.{ASIDE}"),
    )
    .await?;
    run(connection, &table.name, format!("DROP TABLE temp.{ASIDE}")).await?;
    Ok(deleted.saturating_sub(kept))
}

async fn clear_table(
    connection: &mut SqliteConnection,
    table: &Table,
    fresh: Option<&Table>,
) -> Result<u64, DatabaseError> {
    match (&table.virtual_table, fresh) {
        // One without shadow tables only shows what is kept elsewhere.
        (Some(shadows), _) if shadows.is_empty() => Ok(0),
        (Some(shadows), Some(_)) => {
            let rows = count::count(connection, table).await?;
            for shadow in shadows {
                delete(connection, &shadow.name).await?;
            }
            Ok(rows)
        }
        _ => delete(connection, &table.name).await,
    }
}

async fn delete(connection: &mut SqliteConnection, table: &str) -> Result<u64, DatabaseError> {
    run(
        connection,
        table,
        format!("DELETE FROM main.{}", quote(table)),
    )
    .await
}

async fn run(
    connection: &mut SqliteConnection,
    table: &str,
    sql: String,
) -> Result<u64, DatabaseError> {
    let done = sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::on(format!("clear table `{table}`")))?;
    Ok(done.rows_affected())
}

/// Copies every row of a fresh install's table; `or` says what of those whose key is there.
async fn copy(
    connection: &mut SqliteConnection,
    storage: &Storage,
    or: &str,
) -> Result<(), DatabaseError> {
    let columns = storage.column_list();
    sqlx::query(AssertSqlSafe(format!(
        "INSERT OR {or} INTO main.{} ({columns}) SELECT {columns} FROM {}",
        quote(&storage.name),
        factory_table(&storage.name),
    )))
    .execute(connection)
    .await
    .map_err(DatabaseError::on(format!(
        "put the factory rows back into table `{}`",
        storage.name
    )))?;
    Ok(())
}
