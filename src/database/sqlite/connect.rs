//! Connections of the engine's own.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use super::DatabaseError;

/// What the pages of a database file are like, as far as rows depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    encoding: String,
    /// In bytes. The rows in which R-Trees and full-text indexes keep their nodes are cut to it.
    pub(super) page_size: u32,
    /// Whether pages are given back by themselves, which takes pages of its own.
    auto_vacuum: u32,
}

impl Layout {
    /// Reads it off the host's database.
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, DatabaseError> {
        let read = "SELECT encoding, page_size, auto_vacuum \
                    FROM pragma_encoding, pragma_page_size, pragma_auto_vacuum";
        let (encoding, page_size, auto_vacuum) =
            sqlx::query_as(read)
                .fetch_one(connection)
                .await
                .map_err(DatabaseError::on("read the layout of the database"))?;
        Ok(Self {
            encoding,
            page_size,
            auto_vacuum,
        })
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub(super) struct Connect {
    /// Like the host's pool (collations, keys, pragmas), but with foreign keys off, which
    /// SQLite allows outside a transaction only, and with durable commits.
    options: SqliteConnectOptions,
    /// Just like the host's pool.
    host: SqliteConnectOptions,
}

impl Connect {
    pub(super) fn like(pool: &SqlitePool, lock_timeout: Duration) -> Self {
        let host = pool.connect_options().as_ref().clone();
        let options = host
            .clone()
            .foreign_keys(false)
            // With a rollback journal the commit is the removal of a file, which only this
            // setting makes durable: <https://sqlite.org/pragma.html#pragma_synchronous>.
            .synchronous(SqliteSynchronous::Extra)
            // One that keeps its locks would lock the host out.
            .locking_mode(SqliteLockingMode::Normal)
            // Would write statistics, and a preview must change nothing.
            .optimize_on_close(false, None)
            .busy_timeout(lock_timeout);
        Self { options, host }
    }

    pub(super) fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.options = self.options.busy_timeout(timeout);
        self
    }

    /// From now on the database must be there: one that has vanished is an error, and not
    /// made anew and taken for the old one.
    pub(super) fn existing_only(mut self) -> Self {
        self.options = self.options.create_if_missing(false);
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
    /// under `name`, for as long as the connection lives. Migrations run on it as they do on
    /// the host's own connections, foreign keys included.
    pub(super) async fn open_memory(
        &self,
        name: &str,
        layout: &Layout,
    ) -> Result<SqliteConnection, DatabaseError> {
        self.host
            .clone()
            .filename(name)
            .vfs("memdb")
            .create_if_missing(true)
            .read_only(false)
            .immutable(false)
            .locking_mode(SqliteLockingMode::Normal)
            .pragma("encoding", format!("'{}'", layout.encoding))
            .page_size(layout.page_size)
            .pragma("auto_vacuum", layout.auto_vacuum.to_string())
            .connect()
            .await
            .map_err(DatabaseError::on("open a scratch database in memory"))
    }
}
