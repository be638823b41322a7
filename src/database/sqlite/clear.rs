//! Brings tables to their factory state inside the open transaction.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::catalogue::{Storage, factory_table};
use super::triggers::Triggers;
use super::{Catalogue, DatabaseError, Table, quote, transaction};

/// Clears `tables` and puts the factory rows back. Returns how many rows each had.
///
/// Foreign keys are off, so every DELETE without a trigger takes SQLite's truncate
/// optimisation (<https://sqlite.org/lang_delete.html#the_truncate_optimization>); triggers
/// are set aside for as long. A virtual table is cleared through its shadow tables, which
/// get exactly the content that they have in a fresh install: deleting through the table
/// leaves the words of deleted rows in a full-text index.
pub(super) async fn clear(
    connection: &mut SqliteConnection,
    tables: &[&Table],
    factory: &Catalogue,
) -> Result<BTreeMap<String, u64>, DatabaseError> {
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let triggers = Triggers::take(connection, &names).await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let deleted = clear_table(connection, table, factory.table(&table.name)).await?;
        rows.insert(table.name.clone(), deleted);
    }
    for table in tables {
        if let Some(fresh) = factory.table(&table.name) {
            for storage in fresh.storages() {
                copy(connection, storage).await?;
            }
        }
    }
    let storages = tables.iter().flat_map(|table| table.storages());
    let storages: Vec<&str> = storages.map(|storage| storage.name.as_str()).collect();
    reset_counters(connection, &storages).await?;
    triggers.put_back(connection).await?;
    Ok(rows)
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
            let rows = transaction::count(connection, table).await?;
            for shadow in shadows {
                delete(connection, &shadow.name).await?;
            }
            Ok(rows)
        }
        _ => delete(connection, &table.name).await,
    }
}

async fn delete(connection: &mut SqliteConnection, table: &str) -> Result<u64, DatabaseError> {
    let deleted = sqlx::query(AssertSqlSafe(format!("DELETE FROM main.{}", quote(table))))
        .execute(connection)
        .await
        .map_err(DatabaseError::on(format!("clear table `{table}`")))?;
    Ok(deleted.rows_affected())
}

/// Copies every row of a fresh install's table.
async fn copy(connection: &mut SqliteConnection, storage: &Storage) -> Result<(), DatabaseError> {
    let columns = storage.column_list();
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO main.{} ({columns}) SELECT {columns} FROM {}",
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

/// Brings SQLite's own tables about `tables` to their factory state: AUTOINCREMENT counters
/// start again, and the samples that ANALYZE took of deleted rows go.
async fn reset_counters(
    connection: &mut SqliteConnection,
    tables: &[&str],
) -> Result<(), DatabaseError> {
    let known: Vec<(String, String)> = sqlx::query_as(
        "SELECT schema, name FROM pragma_table_list \
         WHERE name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat3', 'sqlite_stat4')",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(DatabaseError::on("read the database's catalogue"))?;
    let has = |schema: &str, name: &str| {
        known
            .iter()
            .any(|(of, table)| of == schema && table == name)
    };
    for (table, column) in [
        ("sqlite_sequence", "name"),
        ("sqlite_stat1", "tbl"),
        ("sqlite_stat3", "tbl"),
        ("sqlite_stat4", "tbl"),
    ] {
        if !has("main", table) {
            continue;
        }
        let mut statements = vec![format!("DELETE FROM main.{table} WHERE {column} = ?")];
        if has(super::factory::SCHEMA, table) {
            let fresh = factory_table(table);
            statements.push(format!(
                "INSERT INTO main.{table} SELECT * FROM {fresh} WHERE {column} = ?"
            ));
        }
        for statement in statements {
            for name in tables {
                sqlx::query(AssertSqlSafe(statement.clone()))
                    .bind(*name)
                    .execute(&mut *connection)
                    .await
                    .map_err(DatabaseError::on(format!(
                        "reset the counters of table `{name}`"
                    )))?;
            }
        }
    }
    Ok(())
}
