//! What a saved table must have in common with the one that it is loaded into.

use sqlx::{Row, SqliteConnection};

use super::{DatabaseError, Table, pragma, quote};

/// The columns of `table` with their types, or the statement of a virtual table.
pub(super) async fn definition(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<String, DatabaseError> {
    let failed = || DatabaseError::on(format!("read the definition of table `{}`", table.name));
    if table.virtual_table.is_some() {
        return sqlx::query_scalar(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?",
        )
        .bind(&table.name)
        .fetch_one(connection)
        .await
        .map_err(failed());
    }
    let described = pragma::for_each(connection, "main", "table_xinfo", &[&table.name]).await;
    let mut columns = Vec::new();
    for column in described.map_err(failed())?.iter().flatten() {
        let read = || -> Result<(i64, String, String), sqlx::Error> {
            Ok((
                column.try_get("hidden")?,
                column.try_get("name")?,
                column.try_get("type")?,
            ))
        };
        let (hidden, name, kind) = read().map_err(failed())?;
        if hidden == 0 {
            columns.push((name, kind));
        }
    }
    let rowid = table.storage.rowid.map(|_| "rowid".to_owned());
    let columns = columns
        .iter()
        .map(|(name, kind)| format!("{} {kind}", quote(name)).trim_end().to_owned());
    Ok(rowid
        .into_iter()
        .chain(columns)
        .collect::<Vec<_>>()
        .join(", "))
}
