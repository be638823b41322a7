use shared_host::{Hashing, random_token};

use super::{DemoError, operations, reading, writing};
use crate::Database;

/// Name and password of the one who may reset.
pub(crate) const ADMINISTRATOR: (&str, &str) = ("admin", "admin-demo");
/// Name, password and role of each user.
const USERS: [(&str, &str, &str); 3] = [
    (ADMINISTRATOR.0, ADMINISTRATOR.1, "administrator"),
    ("test", "test-demo", "writer"),
    ("writer", "writer-demo", "writer"),
];

/// Whether no table holds a row.
pub(super) async fn is_empty(database: &Database) -> Result<bool, sqlx::Error> {
    let row: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM users UNION ALL SELECT 1 FROM stories UNION ALL SELECT 1 FROM chapters
         UNION ALL SELECT 1 FROM characters UNION ALL SELECT 1 FROM comments
         UNION ALL SELECT 1 FROM tags UNION ALL SELECT 1 FROM story_tags
         UNION ALL SELECT 1 FROM reports UNION ALL SELECT 1 FROM sessions
         UNION ALL SELECT 1 FROM audit_log LIMIT 1",
    )
    .fetch_optional(database.any())
    .await?;
    Ok(row.is_none())
}

/// Adds rows to every table, in one transaction.
pub(super) async fn fill(database: &Database, hashing: &Hashing) -> Result<(), DemoError> {
    let mut hashes = Vec::with_capacity(USERS.len());
    for (_, password, _) in USERS {
        hashes.push(hashing.hash(password.to_owned()).await?);
    }
    let mut transaction = database.begin().await?;
    let mut users = Vec::with_capacity(USERS.len());
    for ((username, _, role), hash) in USERS.into_iter().zip(hashes) {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO users (username, password_hash, token_key, role)
             VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(username)
        .bind(hash)
        .bind(random_token())
        .bind(role)
        .fetch_one(&mut *transaction)
        .await?;
        users.push(id);
    }
    let stories = writing::stories(&mut transaction, &users).await?;
    writing::characters(&mut transaction, &stories).await?;
    writing::chapters(&mut transaction, &stories).await?;
    reading::comments(&mut transaction, &stories, &users).await?;
    reading::tags(&mut transaction, &stories).await?;
    operations::reports(database, &mut transaction, &users).await?;
    operations::sessions(&mut transaction, &users).await?;
    operations::audit_log(database, &mut transaction, &users).await?;
    // Nobody has invited `test`, and he shows off a story of his own.
    sqlx::query("UPDATE users SET invited_by = $1 WHERE username = 'writer'")
        .bind(users[0])
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "UPDATE users SET featured_story_id =
             (SELECT min(stories.id) FROM stories WHERE author_id = users.id)
         WHERE username IN ('test', 'writer')",
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
