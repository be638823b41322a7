//! Full-text indexes over the rows of another table.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::kept::Kept;
use super::{Catalogue, DatabaseError, Table, quote};

/// Builds the indexes anew that are about a table with kept rows, should the index or the
/// table be one of those that have been `cleared`: the triggers that tell an index of the rows
/// have not fired, and a fresh install's index knows its own rows only.
pub(super) async fn rebuild(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    kept: &Kept,
    cleared: &[&Table],
) -> Result<(), DatabaseError> {
    if kept.is_empty() {
        return Ok(());
    }
    let is_cleared = |name: &str| cleared.iter().any(|table| table.name == name);
    for index in catalogue.tables() {
        if index.virtual_table.is_none() {
            continue;
        }
        let content = content(connection, index).await?;
        let content = content.and_then(|content| catalogue.find(&content));
        let concerns = |content: &Table| {
            kept.rows(&content.name) > 0 && (is_cleared(&content.name) || is_cleared(&index.name))
        };
        if content.is_some_and(concerns) {
            let name = quote(&index.name);
            let rebuild = format!("INSERT INTO main.{name} ({name}) VALUES ('rebuild')");
            sqlx::query(AssertSqlSafe(rebuild))
                .execute(&mut *connection)
                .await
                .map_err(failed(index))?;
        }
    }
    Ok(())
}

/// The table over which `index` is a full-text index, the empty text where it is over none; nothing
/// when it holds its own rows, or is no such index.
pub(super) async fn content(
    connection: &mut SqliteConnection,
    index: &Table,
) -> Result<Option<String>, DatabaseError> {
    let statement: String =
        sqlx::query_scalar("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?")
            .bind(&index.name)
            .fetch_one(connection)
            .await
            .map_err(DatabaseError::on(format!(
                "read the definition of table `{}`",
                index.name
            )))?;
    Ok(option(&statement).map(str::to_owned))
}

/// The option `content`, see <https://sqlite.org/fts5.html#external_content_tables>.
fn option(statement: &str) -> Option<&str> {
    let (name, options) = statement.split_once('(')?;
    let module = name.split_whitespace().next_back()?;
    if !module.to_ascii_lowercase().starts_with("fts") {
        return None;
    }
    let mut options = options.trim_end().trim_end_matches(')').split(',');
    options.find_map(|option| {
        let (name, value) = option.split_once('=')?;
        let is_content = name.trim().eq_ignore_ascii_case("content");
        let quotes = |letter: char| letter.is_whitespace() || "'\"`[]".contains(letter);
        is_content.then(|| value.trim_matches(quotes))
    })
}

fn failed(index: &Table) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    DatabaseError::on(format!("build the index `{}` anew", index.name))
}
