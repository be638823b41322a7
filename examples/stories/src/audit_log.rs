use serde_json::Value;
use sqlx::AnyConnection;

use crate::Database;

/// Notes who did what, in the transaction in which it is done.
pub(crate) async fn record(
    database: &Database,
    transaction: &mut AnyConnection,
    user: Option<i64>,
    action: &str,
    detail: &Value,
) -> Result<(), sqlx::Error> {
    let insert = database.either(
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, $3)",
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, CAST($3 AS jsonb))",
    );
    sqlx::query(insert)
        .bind(user)
        .bind(action)
        .bind(detail.to_string())
        .execute(transaction)
        .await?;
    Ok(())
}
