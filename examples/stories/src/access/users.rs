use serde::Serialize;
use serde_json::json;
use shared_host::random_token;
use sqlx::FromRow;

use super::Username;
use crate::{ApiError, Database, audit_log};

/// The users in the database.
#[derive(Clone, Debug)]
pub struct Users {
    database: Database,
}

/// A user as the database knows him.
#[derive(Clone, FromRow)]
pub struct User {
    /// What rows refer to him by.
    pub id: i64,
    /// What he is called.
    pub username: String,
    /// What he may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    pub(super) password_hash: String,
    pub(super) token_key: String,
}

impl User {
    /// Whether `other` has the same password and the same tokens, and not only the same number.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        self.password_hash == other.password_hash && self.token_key == other.token_key
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whatever there is.
    Administrator,
    /// Write and read.
    Writer,
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(role: String) -> Result<Self, String> {
        match role.as_str() {
            "administrator" => Ok(Self::Administrator),
            "writer" => Ok(Self::Writer),
            _ => Err(format!("no role is called `{role}`")),
        }
    }
}

impl Users {
    /// The users in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The user with this id. Reads only.
    pub(crate) async fn find(&self, id: i64) -> Result<Option<User>, sqlx::Error> {
        sqlx::query_as(
            "SELECT id, username, role, password_hash, token_key FROM users WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.database.any())
        .await
    }

    /// The user of this name. Reads only.
    pub(super) async fn find_by_name(&self, name: &Username) -> Result<Option<User>, sqlx::Error> {
        sqlx::query_as(
            "SELECT id, username, role, password_hash, token_key FROM users WHERE username = $1",
        )
        .bind(name.as_str())
        .fetch_optional(self.database.any())
        .await
    }

    /// Whether there is any. Reads only.
    pub(crate) async fn are_any(&self) -> Result<bool, sqlx::Error> {
        let first: Option<i64> = sqlx::query_scalar("SELECT id FROM users LIMIT 1")
            .fetch_optional(self.database.any())
            .await?;
        Ok(first.is_some())
    }

    /// Adds an administrator, if there is no user at all: of two who try at once, one.
    pub(super) async fn create_first(
        &self,
        name: &Username,
        password_hash: String,
    ) -> Result<User, ApiError> {
        let mut transaction = self.database.begin().await?;
        // A writing transaction of SQLite keeps all other writers off as it is.
        let lock = self
            .database
            .either("SELECT 1", "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");
        sqlx::query(lock).execute(&mut *transaction).await?;
        let user: Option<User> = sqlx::query_as(
            "INSERT INTO users (username, password_hash, token_key, role)
             SELECT $1, $2, $3, 'administrator' WHERE NOT EXISTS (SELECT 1 FROM users)
             RETURNING id, username, role, password_hash, token_key",
        )
        .bind(name.as_str())
        .bind(password_hash)
        .bind(random_token())
        .fetch_optional(&mut *transaction)
        .await?;
        let user = user.ok_or_else(|| ApiError::Conflict("there is a user already".to_owned()))?;
        let detail = json!({ "username": user.username });
        let (database, user_id) = (&self.database, Some(user.id));
        audit_log::record(database, &mut transaction, user_id, "set up", &detail).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Notes that a token was issued, and forgets those that have expired.
    pub(super) async fn record_session(
        &self,
        user: &User,
        token_id: &str,
        now: i64,
        expires_at: i64,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, $3)")
            .bind(token_id.to_owned())
            .bind(user.id)
            .bind(expires_at)
            .execute(&mut *transaction)
            .await?;
        let (database, user_id) = (&self.database, Some(user.id));
        let detail = json!({ "session": token_id });
        audit_log::record(database, &mut transaction, user_id, "signed in", &detail).await?;
        transaction.commit().await
    }
}
