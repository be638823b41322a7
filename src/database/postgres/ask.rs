//! Questions in one round trip: a statement that is prepared first takes two, and is planned for
//! no more than one use here.

use futures::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either, FromRow, PgConnection};

/// The rows of one statement.
pub(super) async fn ask<T>(connection: &mut PgConnection, sql: &str) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, PgRow>,
{
    let rows = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await?;
    rows.iter().map(T::from_row).collect()
}

/// The rows of each of several statements.
pub(super) async fn ask_all(
    connection: &mut PgConnection,
    statements: &[&str],
) -> Result<Vec<Vec<PgRow>>, sqlx::Error> {
    let sql = statements.join(";");
    let query = sqlx::raw_sql(AssertSqlSafe(sql));
    let mut answers = query.fetch_many(connection);
    let (mut all, mut rows) = (Vec::with_capacity(statements.len()), Vec::new());
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Right(row) => rows.push(row),
            Either::Left(_) => all.push(std::mem::take(&mut rows)),
        }
    }
    // Whoever takes them apart finds one for each.
    all.resize_with(statements.len(), Vec::new);
    Ok(all)
}

/// `numbers` as an SQL array.
pub(super) fn array(numbers: impl IntoIterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|one| one.to_string()).collect();
    format!("'{{{}}}'::pg_catalog.int8[]", numbers.join(","))
}
