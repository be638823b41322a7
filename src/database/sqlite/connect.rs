//! Connections of the engine's own.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use super::DatabaseError;

/// How to connect: like the host's pool (collations, keys, pragmas), but with foreign keys
/// off, which SQLite allows outside a transaction only, and with durable commits.
#[derive(Debug, Clone)]
pub(super) struct Connect {
    options: SqliteConnectOptions,
}

impl Connect {
    pub(super) fn like(pool: &SqlitePool, lock_timeout: Duration) -> Self {
        let options = pool
            .connect_options()
            .as_ref()
            .clone()
            .foreign_keys(false)
            .synchronous(SqliteSynchronous::Full)
            // Would write statistics, and a preview must change nothing.
            .optimize_on_close(false, None)
            .busy_timeout(lock_timeout);
        Self { options }
    }

    pub(super) fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.options = self.options.busy_timeout(timeout);
        self
    }

    /// Connects to the host's database.
    pub(super) async fn open(&self) -> Result<SqliteConnection, DatabaseError> {
        self.options
            .connect()
            .await
            .map_err(DatabaseError::on("connect to the database"))
    }

    /// Connects to a database in memory that other connections of this process can attach
    /// under `name`, for as long as the connection lives.
    pub(super) async fn open_memory(
        &self,
        name: &str,
        encoding: &str,
    ) -> Result<SqliteConnection, DatabaseError> {
        self.options
            .clone()
            .filename(name)
            .vfs("memdb")
            .create_if_missing(true)
            .read_only(false)
            .immutable(false)
            .pragma("encoding", format!("'{encoding}'"))
            .connect()
            .await
            .map_err(DatabaseError::on("open a scratch database in memory"))
    }
}
