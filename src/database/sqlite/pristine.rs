//! Copies a database that nobody has used into a scratch database.

use std::path::Path;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::database_file;
use super::schema::Schema;
use super::unclaimed::FreshSchema;
use super::{Catalogue, DatabaseError, Table, counters, quote};
use crate::task::blocking;

/// The name under which the pristine database is attached.
const SCHEMA: &str = "pristine";

/// Copies the tables of `file` with their rows and counters, and tells what its schema has. The file
/// is only read.
pub(super) async fn copy(
    scratch: &mut SqliteConnection,
    file: &str,
    live: &str,
) -> Result<FreshSchema, DatabaseError> {
    let action = format!("read the pristine database `{file}`");
    let there = std::fs::canonicalize(file);
    let there = there.map_err(|error| DatabaseError::new(action.as_str(), error))?;
    if std::fs::canonicalize(live).is_ok_and(|live| live == there) {
        let error = "it is the service's database itself: name a copy that nobody has used";
        return Err(DatabaseError::new(action, error));
    }
    let checked = {
        let there = there.clone();
        blocking(move || database_file::check(&there)).await
    };
    checked.map_err(|error| DatabaseError::new(action.as_str(), error))?;
    sqlx::query(AssertSqlSafe(format!("ATTACH ? AS {SCHEMA}")))
        .bind(read_only(&there))
        .execute(&mut *scratch)
        .await
        .map_err(DatabaseError::on(action.as_str()))?;
    // One snapshot, should somebody use it after all.
    run(scratch, &action, "BEGIN".to_owned()).await?;
    let schema = Schema::read(scratch, SCHEMA)
        .await
        .map_err(|error| DatabaseError::new(action.as_str(), error))?;
    let fresh = FreshSchema::read(scratch, SCHEMA).await?;
    schema.only(&["table"]).create(scratch).await?;
    let catalogue = Catalogue::read(scratch, "main").await?;
    for storage in catalogue.tables().flat_map(Table::storages) {
        let (name, columns) = (quote(&storage.name), storage.column_list());
        // A virtual table begins with rows of its own.
        run(scratch, &action, format!("DELETE FROM main.{name}")).await?;
        let copy =
            format!("INSERT INTO main.{name} ({columns}) SELECT {columns} FROM {SCHEMA}.{name}");
        run(scratch, &action, copy).await?;
    }
    counters::copy(scratch, SCHEMA).await?;
    run(scratch, &action, "COMMIT".to_owned()).await?;
    run(scratch, &action, format!("DETACH {SCHEMA}")).await?;
    Ok(fresh)
}

/// `file` as SQLite takes it to open it for reading only, and not in memory as the scratch
/// database is.
fn read_only(file: &Path) -> String {
    let mut address = "file:".to_owned();
    for letter in file.to_string_lossy().chars() {
        match letter {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            letter => address.push(letter),
        }
    }
    address + "?mode=ro&vfs=unix"
}

async fn run(
    connection: &mut SqliteConnection,
    action: &str,
    sql: String,
) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map_err(DatabaseError::on(action))?;
    Ok(())
}
