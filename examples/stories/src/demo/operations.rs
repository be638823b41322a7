use serde_json::json;
use sqlx::AnyConnection;

use super::words::{ACTIONS, NAMES, word};
use crate::Database;

/// 2100-01-01: no session of the demo expires while somebody looks.
const NEVER: i64 = 4_102_444_800;

/// As many as there are months.
pub(super) async fn reports(
    database: &Database,
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    let insert = database.either(
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, $3)",
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, CAST($3 AS jsonb))",
    );
    for n in 1..=12 {
        sqlx::query(insert)
            .bind(users[0])
            .bind(format!("monthly-2026-{n:02}"))
            .bind(json!({ "stories": n, "by": word(&NAMES, n) }).to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Three a user.
pub(super) async fn sessions(
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    for user in users {
        for n in 1..=3 {
            sqlx::query("INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, $3)")
                .bind(format!("demo-{user}-{n}"))
                .bind(*user)
                .bind(NEVER)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// What all of them did, and now and then nobody.
pub(super) async fn audit_log(
    database: &Database,
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    let insert = database.either(
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, $3)",
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, CAST($3 AS jsonb))",
    );
    for (n, user) in (1..=40).zip(users.iter().cycle()) {
        let detail = (n % 4 != 0).then(|| json!({ "number": n }).to_string());
        sqlx::query(insert)
            .bind((n % 5 != 0).then_some(*user))
            .bind(word(&ACTIONS, n))
            .bind(detail)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
