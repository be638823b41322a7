//! Counting rows.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{DatabaseError, Table, full_text, quote};

/// Counts the rows of each of `tables`, which are ordinary ones, in one statement: to ask for each
/// by itself takes about as long as to count some thousand rows.
pub(super) async fn count_all(
    connection: &mut SqliteConnection,
    tables: &[&Table],
) -> Result<Vec<u64>, DatabaseError> {
    /// SQLite compiles no compound statement that is longer:
    /// <https://sqlite.org/limits.html#max_compound_select>.
    const AT_ONCE: usize = 500;

    let mut counts = vec![0; tables.len()];
    let tables: Vec<_> = tables.iter().enumerate().collect();
    for tables in tables.chunks(AT_ONCE) {
        let count = |(place, table): &(usize, &&Table)| {
            let name = quote(&table.name);
            format!("SELECT {place}, (SELECT count(*) FROM main.{name})")
        };
        let sql = tables
            .iter()
            .map(count)
            .collect::<Vec<_>>()
            .join(" UNION ALL ");
        let rows: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut *connection)
            .await
            .map_err(DatabaseError::on("count the tables"))?;
        for (place, rows) in rows {
            let place = usize::try_from(place).ok();
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count = rows.unsigned_abs();
            }
        }
    }
    Ok(counts)
}

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
