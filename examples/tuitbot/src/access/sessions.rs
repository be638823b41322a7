use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared_host::random_token;
use sqlx::SqlitePool;
use subtle::ConstantTimeEq;

/// The signed-in browsers.
///
/// A session's token is known to its browser alone: the database holds the hash,
/// and the CSRF token is derived from the token, so it need not be stored.
#[derive(Clone, Debug)]
pub struct Sessions {
    pool: SqlitePool,
}

/// A session as its holder may see it.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// What a changing request must show in `X-CSRF-Token`.
    pub csrf_token: String,
    /// When it ends (RFC 3339).
    pub expires_at: String,
}

/// A session that was just opened, with the token for the browser.
pub struct OpenedSession {
    /// The token; nobody can read it again.
    pub token: String,
    /// The session.
    pub session: Session,
}

impl Sessions {
    /// How long a session lasts.
    pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// The sessions in this database.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Opens a session, and removes those that have expired.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn open(&self) -> Result<OpenedSession, sqlx::Error> {
        let token = random_token();
        let now = Timestamp::now();
        let expires_at = text(now + Self::LIFETIME);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= ?")
            .bind(text(now))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO sessions (id, created_at, expires_at) VALUES (?, ?, ?)")
            .bind(id(&token))
            .bind(text(now))
            .bind(&expires_at)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let session = Session {
            csrf_token: csrf_token(&token),
            expires_at,
        };
        Ok(OpenedSession { token, session })
    }

    /// Finds the session of a token. Reads only.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn find(&self, token: &str) -> Result<Option<Session>, sqlx::Error> {
        let id = id(token);
        let row: Option<(String, String)> =
            sqlx::query_as("SELECT id, expires_at FROM sessions WHERE id = ? AND expires_at > ?")
                .bind(&id)
                .bind(text(Timestamp::now()))
                .fetch_optional(&self.pool)
                .await?;
        let row = row.filter(|(stored, _)| stored.as_bytes().ct_eq(id.as_bytes()).into());
        Ok(row.map(|(_, expires_at)| Session {
            csrf_token: csrf_token(token),
            expires_at,
        }))
    }

    /// Closes the session of a token, if there is one.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn close(&self, token: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM sessions WHERE id = ?")
            .bind(id(token))
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn id(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn csrf_token(token: &str) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut hmac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key of any length");
    hmac.update(b"tuitbot csrf token");
    hex::encode(hmac.finalize().into_bytes())
}

/// Fixed width, so that the texts order as the times do.
fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}
