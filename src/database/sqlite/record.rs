//! The commit record: one row that says how a run ended.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use super::{DatabaseError, Decision, locked, quote};
use crate::database::RECORD_TABLE;

const COMMITTED: &str = "commit";
const ABORTED: &str = "abort";

/// The columns and options of the table.
const DEFINITION: &str =
    "(run TEXT PRIMARY KEY, outcome TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID";

/// What has the name of the table.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The table as this program creates it, and nothing about it.
    Ours,
    /// A table of another definition, or one with triggers or indexes.
    Other,
}

/// The name is taken.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is {kind} that this program did not create: drop it, or give it another name")]
struct Taken {
    name: String,
    kind: &'static str,
}

/// Creates the table where it is missing, before the transaction of a reset, which must not change
/// the schema.
pub(super) async fn create_table(connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
    run(
        connection,
        format!("CREATE TABLE IF NOT EXISTS {RECORD_TABLE} {DEFINITION}"),
        "create the table of the commit record",
    )
    .await
}

/// Makes sure that there is the table, and nothing in the schema that is about it: a trigger on it
/// would run in every reset, and an index could refuse its rows. The outcome of the run `keep`
/// stays in it. Outside a transaction.
pub(super) async fn ensure(
    connection: &mut SqliteConnection,
    keep: Option<Uuid>,
) -> Result<(), DatabaseError> {
    match find(connection).await? {
        Found::Ours => Ok(()),
        Found::Nothing => create_table(connection).await,
        Found::Other => {
            let action = "rebuild the table of the commit record";
            run(connection, "BEGIN IMMEDIATE".to_owned(), action).await?;
            let rebuilt = rebuild(connection, keep).await;
            let end = match rebuilt {
                Ok(()) => "COMMIT",
                Err(_) => "ROLLBACK",
            };
            let ended = run(connection, end.to_owned(), action).await;
            rebuilt.and(ended)
        }
    }
}

/// What has the name of the table in the main schema.
async fn find(connection: &mut SqliteConnection) -> Result<Found, DatabaseError> {
    let objects: Vec<(String, String, String, Option<String>)> =
        sqlx::query_as(AssertSqlSafe(format!(
            "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
             WHERE name = '{RECORD_TABLE}' COLLATE NOCASE \
                OR tbl_name = '{RECORD_TABLE}' COLLATE NOCASE"
        )))
        .fetch_all(connection)
        .await
        .map_err(locked::failed("find the table of the commit record"))?;
    let mut found = Found::Nothing;
    let statement = format!("CREATE TABLE {RECORD_TABLE} {DEFINITION}");
    for (kind, name, table, sql) in &objects {
        let is_about = table.eq_ignore_ascii_case(RECORD_TABLE);
        let kind = match kind.as_str() {
            "view" => Some("a view"),
            "index" if !is_about => Some("an index"),
            _ => None,
        };
        if let Some(kind) = kind {
            let name = name.clone();
            let action = "find the table of the commit record";
            return Err(DatabaseError::new(action, Taken { name, kind }));
        }
        if !is_about {
            // Triggers have names of their own.
            continue;
        }
        match sql {
            // The index of the primary key, which comes with the table.
            None => {}
            Some(sql) if *sql == statement && found == Found::Nothing => found = Found::Ours,
            Some(_) => found = Found::Other,
        }
    }
    Ok(found)
}

/// Replaces the table, inside the open transaction.
async fn rebuild(
    connection: &mut SqliteConnection,
    keep: Option<Uuid>,
) -> Result<(), DatabaseError> {
    let kept = match keep {
        // A table of another definition need not have it.
        Some(run) => outcome(connection, run).await.ok().flatten(),
        None => None,
    };
    let drop = format!("DROP TABLE IF EXISTS main.{}", quote(RECORD_TABLE));
    run(connection, drop, "drop the table of the commit record").await?;
    create_table(connection).await?;
    match (keep, kept.as_deref()) {
        (Some(run), Some(outcome @ (COMMITTED | ABORTED))) => {
            insert(connection, "main", run, outcome).await
        }
        _ => Ok(()),
    }
}

/// Adds the commit record of `run` to the database `schema`, inside the open transaction.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    schema: &str,
    run: Uuid,
) -> Result<(), DatabaseError> {
    // Somebody may have changed it since the reset was prepared. In a factory image it is new.
    if schema == "main" && find(connection).await? != Found::Ours {
        rebuild(connection, None).await?;
    }
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
    ensure(connection, Some(run)).await?;
    insert(connection, "main", run, ABORTED).await?;
    let outcome = outcome(connection, run).await;
    // Without the row nothing is fenced.
    let outcome = outcome.and_then(|outcome| outcome.ok_or(sqlx::Error::RowNotFound));
    let outcome = outcome.map_err(DatabaseError::on("read the commit record"))?;
    Ok(if outcome == COMMITTED {
        Decision::Committed
    } else {
        Decision::Aborted
    })
}

async fn outcome(
    connection: &mut SqliteConnection,
    run: Uuid,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT outcome FROM main.{RECORD_TABLE} WHERE run = ?"
    )))
    .bind(run.to_string())
    .persistent(false)
    .fetch_optional(connection)
    .await
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

async fn run(
    connection: &mut SqliteConnection,
    sql: String,
    action: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(sql))
        // One that was prepared before there was the table would lock others out, or wait for them.
        .persistent(false)
        .execute(connection)
        .await
        .map_err(locked::failed(action))?;
    Ok(())
}
