//! The commit record: one row that says how a run ended, and what is to be rewritten after it.

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::ask::{ask, ask_all};
use super::catalogue::literal;
use super::error::failed;
use super::{DatabaseError, Decision, run};
use crate::database::RECORD_TABLE;

const COMMITTED: &str = "commit";
const ABORTED: &str = "abort";

/// Creates the table when the database is opened: a reset must not change the schema.
pub(super) async fn create_table(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    if is_there(connection).await? {
        return Ok(());
    }
    let created = run(
        connection,
        &format!(
            "CREATE TABLE IF NOT EXISTS {RECORD_TABLE} \
             (run text PRIMARY KEY, outcome text NOT NULL, \
              at timestamptz NOT NULL DEFAULT now(), rewrite text[], xid xid8)"
        ),
    )
    .await;
    match created {
        // Two at once may collide for all the IF NOT EXISTS.
        Err(_) if is_there(connection).await? => Ok(()),
        created => created.map_err(failed("create the table of the commit record")),
    }
}

async fn is_there(connection: &mut PgConnection) -> Result<bool, DatabaseError> {
    let look =
        format!("SELECT to_regclass(format('%I.{RECORD_TABLE}', current_schema())) IS NOT NULL");
    let there: Vec<(bool,)> = ask(connection, &look)
        .await
        .map_err(failed("look for the table of the commit record"))?;
    Ok(there == [(true,)])
}

/// Adds the commit record of `run`. `rewrite` are the tables in which deleted rows can still
/// be read after the commit, as SQL identifiers.
pub(super) async fn commit(
    connection: &mut PgConnection,
    run: Uuid,
    rewrite: Vec<String>,
) -> Result<(), DatabaseError> {
    // Other hosts may have runs of their own here; nobody asks for one as old as this.
    let delete = format!(
        "DELETE FROM {RECORD_TABLE} \
         WHERE at < now() - interval '30 days' AND rewrite IS NULL"
    );
    let rewrite: Vec<String> = rewrite.into_iter().map(|table| literal(&table)).collect();
    let rewrite = rewrite.join(", ");
    let insert = format!(
        "INSERT INTO {RECORD_TABLE} (run, outcome, rewrite, xid) \
         VALUES ('{run}', '{COMMITTED}', nullif(ARRAY[{rewrite}]::text[], '{{}}'), \
                 pg_current_xact_id()) \
         ON CONFLICT DO NOTHING RETURNING run"
    );
    let answers = ask_all(connection, &[&delete, &insert])
        .await
        .map_err(failed("write the commit record"))?;
    if answers.last().is_none_or(Vec::is_empty) {
        let error = "this run has been given up already";
        return Err(DatabaseError::new("write the commit record", error));
    }
    Ok(())
}

/// Fences `run` and reads which outcome stands. A COMMIT whose answer was lost may still be
/// on its way: this insert, on the same key, waits for that transaction to end, and then
/// either meets the commit record or takes its place.
pub(super) async fn decide(
    connection: &mut PgConnection,
    run: Uuid,
) -> Result<Decision, DatabaseError> {
    create_table(connection).await?;
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO {RECORD_TABLE} (run, outcome) VALUES ($1, '{ABORTED}') \
         ON CONFLICT DO NOTHING"
    )))
    .bind(run.to_string())
    .execute(&mut *connection)
    .await
    .map_err(failed("fence the run"))?;
    let outcome: String = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT outcome FROM {RECORD_TABLE} WHERE run = $1"
    )))
    .bind(run.to_string())
    .fetch_one(connection)
    .await
    .map_err(failed("read the commit record"))?;
    Ok(if outcome == COMMITTED {
        Decision::Committed
    } else {
        Decision::Aborted
    })
}

/// The runs after which tables are still to be rewritten, each with these.
pub(super) async fn to_rewrite(
    connection: &mut PgConnection,
) -> Result<Vec<(String, Vec<String>)>, DatabaseError> {
    sqlx::query_as(AssertSqlSafe(format!(
        "SELECT run, rewrite FROM {RECORD_TABLE} WHERE rewrite IS NOT NULL ORDER BY at"
    )))
    .fetch_all(connection)
    .await
    .map_err(failed("read what is to be rewritten"))
}

/// Whether a session that was there before `run` committed may still read what it deleted.
pub(super) async fn is_read(
    connection: &mut PgConnection,
    run: &str,
) -> Result<bool, DatabaseError> {
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity AS other, {RECORD_TABLE} AS record \
         WHERE record.run = $1 AND other.datname = current_database() \
           AND other.pid <> pg_backend_pid() \
           AND age(other.backend_xmin) >= age(record.xid::xid))"
    )))
    .bind(run)
    .fetch_one(connection)
    .await
    .map_err(failed("look for who still reads deleted rows"))
}

/// Notes that the tables are rewritten.
pub(super) async fn rewritten(
    connection: &mut PgConnection,
    run: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(format!(
        "UPDATE {RECORD_TABLE} SET rewrite = NULL WHERE run = $1"
    )))
    .bind(run)
    .execute(connection)
    .await
    .map_err(failed("note that the tables are rewritten"))?;
    Ok(())
}
