//! Making deleted rows unreadable.

use sqlx::PgConnection;

use super::error::{failed, server_error};
use super::{DatabaseError, record, run};

/// Rewrites the tables from which rows were deleted, one by one. What is truncated has left
/// its old file at the commit. Which tables they are stands in the commit record, so that it
/// does not matter which process does it, or how often.
///
/// `VACUUM FULL`, for a plain one leaves the bytes of deleted rows in the pages. Such tables
/// are small: large ones are truncated.
pub(super) async fn rewrite(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    for (reset, tables) in record::to_rewrite(connection).await? {
        if record::is_read(connection, &reset).await? {
            return Err(DatabaseError::new(
                "rewrite the tables with deleted rows",
                "another session may still read them; they stay until its transaction ends",
            ));
        }
        for table in tables {
            match run(connection, &format!("VACUUM (FULL) {table}")).await {
                // The host has dropped it since.
                Err(error) if is_gone(&error) => {}
                rewritten => rewritten.map_err(failed(format!("rewrite table {table}")))?,
            }
        }
        record::rewritten(connection, &reset).await?;
    }
    Ok(())
}

fn is_gone(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| matches!(error.code(), "42P01" | "3F000"))
}
