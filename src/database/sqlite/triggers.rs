//! Setting triggers aside: a trigger would fire on the clearing, might fill another table
//! again, and costs SQLite's truncate optimisation.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{DatabaseError, quote};

/// A trigger as the schema table has it.
#[derive(Debug)]
pub(super) struct Trigger {
    /// Its place in the schema table, so that it comes back to it: the schema is the same
    /// afterwards, byte for byte and in the same order.
    place: i64,
    name: String,
    sql: String,
}

/// Drops the triggers on `tables`, inside the open transaction.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    tables: &[&str],
) -> Result<Vec<Trigger>, DatabaseError> {
    let all: Vec<(String, i64, String, String)> = sqlx::query_as(
        "SELECT tbl_name, rowid, name, sql FROM main.sqlite_schema \
         WHERE type = 'trigger' ORDER BY rowid",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(DatabaseError::on("read the triggers"))?;
    let mut taken = Vec::new();
    for (table, place, name, sql) in all {
        if tables
            .iter()
            .any(|cleared| cleared.eq_ignore_ascii_case(&table))
        {
            sqlx::query(AssertSqlSafe(format!("DROP TRIGGER main.{}", quote(&name))))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("set trigger `{name}` aside")))?;
            taken.push(Trigger { place, name, sql });
        }
    }
    Ok(taken)
}

/// Creates the triggers again, each at its old place in the schema table.
pub(super) async fn put_back(
    connection: &mut SqliteConnection,
    triggers: &[Trigger],
) -> Result<(), DatabaseError> {
    if triggers.is_empty() {
        return Ok(());
    }
    writable_schema(connection, true).await?;
    for trigger in triggers {
        let name = &trigger.name;
        sqlx::query(AssertSqlSafe(trigger.sql.clone()))
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on(format!("put trigger `{name}` back")))?;
        sqlx::query("UPDATE main.sqlite_schema SET rowid = ? WHERE type = 'trigger' AND name = ?")
            .bind(trigger.place)
            .bind(name)
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on(format!(
                "put trigger `{name}` back at its place"
            )))?;
    }
    writable_schema(connection, false).await
}

async fn writable_schema(connection: &mut SqliteConnection, on: bool) -> Result<(), DatabaseError> {
    let pragma = if on {
        "PRAGMA writable_schema = ON"
    } else {
        "PRAGMA writable_schema = OFF"
    };
    sqlx::query(pragma)
        .execute(connection)
        .await
        .map_err(DatabaseError::on("open the schema table for writing"))?;
    Ok(())
}
