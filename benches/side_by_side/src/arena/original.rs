//! The database that is copied for each contestant.

use std::path::Path;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};

use super::linked;
use crate::amount::Amount;
use crate::failure::Failure;

/// The table that every contestant preserves.
pub(crate) const PRESERVED: &str = "sessions";

/// What the database is filled with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filling {
    /// The rows of the demo service.
    Demo(Amount),
    /// Those of the linked tables.
    Linked(Amount),
}

/// How many rows are preserved, of those that there are.
const MOST_PRESERVED: i64 = 12;

/// Fills the database unless it is there already, and lists its tables, the newest first and so
/// children before their parents, but for the preserved one, of which it counts the rows.
pub(super) async fn make(
    original: &Path,
    migrations: &Path,
    filling: Filling,
) -> Result<(Vec<String>, i64), Failure> {
    let is_there = original.exists();
    let options = SqliteConnectOptions::new()
        .filename(original)
        .create_if_missing(true)
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    if !is_there {
        sqlx::raw_sql("PRAGMA journal_mode = OFF")
            .execute(&pool)
            .await?;
        Migrator::new(migrations).await?.run(&pool).await?;
        match filling {
            Filling::Demo(rows) => tuitbot::demo::fill_database(&pool, rows.0).await?,
            Filling::Linked(rows) => {
                let rows = AssertSqlSafe(linked::rows(rows));
                sqlx::raw_sql(rows).execute(&pool).await?;
            }
        }
        let few = format!(
            "DELETE FROM {PRESERVED} WHERE id NOT IN
                 (SELECT id FROM {PRESERVED} LIMIT {MOST_PRESERVED});
             PRAGMA journal_mode = WAL"
        );
        sqlx::raw_sql(AssertSqlSafe(few)).execute(&pool).await?;
    }
    let tables = sqlx::query_scalar(
        "SELECT list.name FROM pragma_table_list AS list JOIN sqlite_schema USING (name)
         WHERE schema = 'main' AND list.type IN ('table', 'virtual')
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         AND name NOT IN ('_sqlx_migrations', '_factory_reset', ?)
         ORDER BY sqlite_schema.rowid DESC",
    )
    .bind(PRESERVED)
    .fetch_all(&pool)
    .await?;
    let preserved = AssertSqlSafe(format!("SELECT count(*) FROM {PRESERVED}"));
    let preserved = sqlx::query_scalar(preserved).fetch_one(&pool).await?;
    pool.close().await;
    Ok((tables, preserved))
}
