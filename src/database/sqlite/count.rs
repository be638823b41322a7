//! Counting rows.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{DatabaseError, Table, full_text, quote};

/// Counts a table's rows. A full-text index over another table holds no rows of its own: SQLite
/// would count those of the other table. Of one over none it keeps how long each text was. Nor has
/// a virtual table without shadow tables any: it only shows what is kept elsewhere.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<u64, DatabaseError> {
    let mut name = table.name.clone();
    if let Some(shadows) = &table.virtual_table {
        let has = |suffix: &str| {
            let shadow = format!("{}{suffix}", table.name);
            shadows.iter().any(|storage| storage.name == shadow)
        };
        if shadows.is_empty() {
            return Ok(0);
        } else if has("_content") {
            name = format!("{name}_content");
        } else if let Some(content) = full_text::content(connection, table).await? {
            if !content.is_empty() || !has("_docsize") {
                return Ok(0);
            }
            name = format!("{name}_docsize");
        }
    }
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM main.{}",
        quote(&name)
    )))
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::on(format!("count table `{}`", table.name)))?;
    Ok(rows.unsigned_abs())
}
