//! Runs a statement that stands in the schema of a database.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{DatabaseError, handle};

/// The text in the schema is not what SQLite has put there.
#[derive(Debug, thiserror::Error)]
#[error(
    "its text in the schema holds more than the statement that creates it: whoever has written it \
     can write to the schema itself; drop it, and create it again"
)]
struct NotOne;

/// Creates what `sql` defines, on `connection`.
///
/// SQLite reads the first statement of such a text and ignores the rest, whereas sqlx would run all
/// of it: whoever can write to the schema could attach any file, with the rights of this process.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    sql: &str,
    action: &str,
) -> Result<(), DatabaseError> {
    // sqlx trims what it runs. SQLite keeps what stands before the semicolon, and so the white space
    // with which the statement of an index may end.
    let sql = format!("{sql};");
    let failed = || DatabaseError::on(action);
    let mut locked = connection.lock_handle().await.map_err(failed())?;
    let is_one = handle::is_one_statement(&mut locked, &sql).map_err(failed())?;
    drop(locked);
    if !is_one {
        return Err(DatabaseError::new(action, NotOne));
    }
    sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map_err(failed())?;
    Ok(())
}
