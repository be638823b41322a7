//! Runs an SQL script on a scratch database.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::DatabaseError;

/// What the script is, in messages.
const ACTION: &str = "run the script of the factory rows";

/// Runs `script`, and makes sure that it has come to its end.
pub(super) async fn run(scratch: &mut SqliteConnection, script: &str) -> Result<(), DatabaseError> {
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut *scratch)
        .await
        .map_err(DatabaseError::on(ACTION))?;
    // Fails when a transaction is open. What a dump writes into the schema itself is read anew.
    let ended = sqlx::raw_sql("BEGIN; COMMIT; PRAGMA writable_schema = RESET")
        .execute(scratch)
        .await;
    ended.map_err(|_| {
        DatabaseError::new(
            ACTION,
            "it leaves a transaction open: end it with `COMMIT;`",
        )
    })?;
    Ok(())
}
