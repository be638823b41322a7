//! The commit record: one row that says how a run ended.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use super::{DatabaseError, Decision, locked};
use crate::database::RECORD_TABLE;

const COMMITTED: &str = "commit";
const ABORTED: &str = "abort";

/// Creates the table before the transaction of a reset, which must not change the schema.
pub(super) async fn create_table(connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(format!(
        "CREATE TABLE IF NOT EXISTS {RECORD_TABLE} \
         (run TEXT PRIMARY KEY, outcome TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )))
    // One that was prepared before there was the table would lock others out, or wait for them.
    .persistent(false)
    .execute(connection)
    .await
    .map_err(locked::failed("create the table of the commit record"))?;
    Ok(())
}

/// Adds the commit record of `run` to the database `schema`.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    schema: &str,
    run: Uuid,
) -> Result<(), DatabaseError> {
    // Those of earlier runs have been read: a run begins when the one before is decided.
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM {schema}.{RECORD_TABLE}"
    )))
    .execute(&mut *connection)
    .await
    .map_err(DatabaseError::on("drop earlier commit records"))?;
    insert(connection, schema, run, COMMITTED).await
}

/// Fences `run` and reads which outcome stands. A COMMIT that failed may have left its
/// frames in the write-ahead log, to win after a crash; this insert, on the same key,
/// either meets the commit record or takes its place.
pub(super) async fn decide(
    connection: &mut SqliteConnection,
    run: Uuid,
) -> Result<Decision, DatabaseError> {
    create_table(connection).await?;
    insert(connection, "main", run, ABORTED).await?;
    let outcome: String = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT outcome FROM {RECORD_TABLE} WHERE run = ?"
    )))
    .bind(run.to_string())
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::on("read the commit record"))?;
    Ok(if outcome == COMMITTED {
        Decision::Committed
    } else {
        Decision::Aborted
    })
}

async fn insert(
    connection: &mut SqliteConnection,
    schema: &str,
    run: Uuid,
    outcome: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO {schema}.{RECORD_TABLE} (run, outcome, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    )))
    .bind(run.to_string())
    .bind(outcome)
    .bind(Timestamp::now().to_string())
    .execute(connection)
    .await
    .map_err(DatabaseError::on("write the commit record"))?;
    Ok(())
}
