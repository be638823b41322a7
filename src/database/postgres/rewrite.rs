//! Making deleted rows unreadable.

use std::sync::{Mutex, PoisonError};
use std::vec::IntoIter;

use futures::future::{try_join, try_join_all};
use sqlx::PgConnection;

use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::error::{failed, server_error};
use super::record::Record;
use super::{DatabaseError, run};

/// On how many connections beside the first: each new file is made durable by itself, and a disk
/// does several at a time.
const CONNECTIONS: usize = 3;

/// Rewrites the tables from which rows were deleted. What is truncated has left
/// its old file at the commit. Which tables they are stands in the commit record, so that it
/// does not matter which process does it, or how often. What stands there is only compared with
/// the names in the catalogue: a text that is no table's is of one that the host has dropped since.
///
/// `VACUUM FULL`, for a plain one leaves the bytes of deleted rows in the pages. Such tables
/// are small: large ones are truncated.
pub(super) async fn rewrite(
    connection: &mut PgConnection,
    connect: &Connect,
    record: &Record,
    catalogue: impl AsyncFnOnce(&mut PgConnection) -> Result<Catalogue, DatabaseError>,
) -> Result<(), DatabaseError> {
    let resets = record.to_rewrite(connection).await?;
    if resets.is_empty() {
        return Ok(());
    }
    let catalogue = catalogue(connection).await?;
    for (reset, noted) in resets {
        let tables = catalogue.tables();
        let tables = tables.filter(|table| noted.contains(&table.relation));
        let (names, tables): (Vec<String>, Vec<String>) = tables
            .map(|table| (table.name.clone(), table.relation.clone()))
            .unzip();
        catalogue.check_trust(&names)?;
        if record.is_read(connection, &reset).await? {
            return Err(DatabaseError::new(
                "rewrite the tables with deleted rows",
                "another session may still read them; they stay until its transaction ends",
            ));
        }
        let more = tables.len().saturating_sub(1).min(CONNECTIONS);
        let tables = Mutex::new(tables.into_iter());
        let others = (0..more).map(|_| async {
            // One less than hoped for: the first does it all.
            match connect.open().await {
                Ok(mut connection) => {
                    let rewritten = rewrite_each(&mut connection, &tables).await;
                    close(connection).await;
                    rewritten
                }
                Err(error) => {
                    tracing::debug!(
                        error = error.to_string(),
                        "no further connection to rewrite tables on"
                    );
                    Ok(())
                }
            }
        });
        let others = try_join_all(others);
        try_join(rewrite_each(connection, &tables), others).await?;
        record.rewritten(connection, &reset).await?;
    }
    Ok(())
}

/// Rewrites one after the other of what is left of `tables`.
async fn rewrite_each(
    connection: &mut PgConnection,
    tables: &Mutex<IntoIter<String>>,
) -> Result<(), DatabaseError> {
    loop {
        let next = tables.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(table) = next else {
            return Ok(());
        };
        match run(connection, &format!("VACUUM (FULL) {table}")).await {
            // The host has dropped it since.
            Err(error) if is_gone(&error) => {}
            rewritten => rewritten.map_err(failed(format!("rewrite table {table}")))?,
        }
    }
}

fn is_gone(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| matches!(error.code(), "42P01" | "3F000"))
}
