//! What a saved table must have in common with the one that it is loaded into.

use sqlx::SqliteConnection;

use super::{DatabaseError, Table, quote};

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
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, type FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0 ORDER BY cid",
    )
    .bind(&table.name)
    .fetch_all(connection)
    .await
    .map_err(failed())?;
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
