//! Connections of the engine's own.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};

use super::connection::OwnConnection;
use super::{DatabaseError, database_file};
use crate::task::blocking;

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
        let failed = || DatabaseError::on("read the layout of the database");
        let encoding = sqlx::query_scalar("PRAGMA main.encoding")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
        let page_size = sqlx::query_scalar("PRAGMA main.page_size")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
        let auto_vacuum = sqlx::query_scalar("PRAGMA main.auto_vacuum")
            .fetch_one(connection)
            .await
            .map_err(failed())?;
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
    /// Whether expressions in the schema may call functions that SQLite does not know to be
    /// harmless.
    trusts_schema: bool,
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
            // Refuses a page whose cells overlap before anything reads or writes beyond it.
            .pragma("cell_size_check", "ON")
            .pragma("writable_schema", "OFF")
            // Another process that shortens a mapped file would end this one by a signal.
            .pragma("mmap_size", "0")
            .busy_timeout(lock_timeout);
        Self {
            options,
            host,
            trusts_schema: false,
        }
    }

    pub(super) fn trust_schema(mut self) -> Self {
        self.trusts_schema = true;
        self
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

    /// Connects to the host's database, whose schema somebody else may have written: it runs no
    /// trigger, view or library.
    ///
    /// DEFENSIVE mode stays off, because clearing writes to the tables inside of virtual ones, and
    /// puts the schema back in order.
    pub(super) async fn open(&self) -> Result<OwnConnection, DatabaseError> {
        let unsafe_file = |error| DatabaseError::new("open the database", error);
        let file = Some(self.options.get_filename().to_owned()).filter(|_| !self.is_address());
        let mut is_new = false;
        if let Some(file) = file.clone() {
            let checked = blocking(move || database_file::check(&file)).await;
            is_new = !checked.map_err(unsafe_file)?;
        }
        let failed = || DatabaseError::on("connect to the database");
        let options = self.trusting(self.options.clone());
        let mut connection = own(&options).await.map_err(failed())?;
        if let Some(file) = file.filter(|_| is_new) {
            let made = blocking(move || database_file::make_private(&file)).await;
            made.map_err(unsafe_file)?;
        }
        connection.confine().await.map_err(failed())?;
        if !self.trusts_schema {
            // Some of the host's pragmas have read the schema already, before it was distrusted.
            sqlx::query("PRAGMA writable_schema = RESET")
                .execute(&mut *connection)
                .await
                .map_err(failed())?;
        }
        Ok(connection)
    }

    /// Connects to a database in memory that other connections of this process can attach
    /// under `name`, for as long as the connection lives. Migrations run on it as they do on
    /// the host's own connections, foreign keys included: they are part of the host.
    pub(super) async fn open_memory(
        &self,
        name: &str,
        layout: &Layout,
    ) -> Result<OwnConnection, DatabaseError> {
        own(&self.memory(name, layout))
            .await
            .map_err(DatabaseError::on("open a scratch database in memory"))
    }

    /// The same for statements from the schema of the host's database.
    pub(super) async fn open_untrusted_memory(
        &self,
        name: &str,
        layout: &Layout,
    ) -> Result<OwnConnection, DatabaseError> {
        let failed = || DatabaseError::on("open a scratch database in memory");
        let options = self.trusting(self.memory(name, layout));
        let mut connection = own(&options).await.map_err(failed())?;
        connection.limit().await.map_err(failed())?;
        Ok(connection)
    }

    fn memory(&self, name: &str, layout: &Layout) -> SqliteConnectOptions {
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
    }

    fn trusting(&self, options: SqliteConnectOptions) -> SqliteConnectOptions {
        match self.trusts_schema {
            // As the host has it.
            true => options,
            false => options.pragma("trusted_schema", "OFF"),
        }
    }

    /// Whether the file is given as a URI, of which SQLite alone knows the file.
    fn is_address(&self) -> bool {
        self.options
            .get_filename()
            .as_os_str()
            .as_bytes()
            .starts_with(b"file:")
    }
}

async fn own(options: &SqliteConnectOptions) -> Result<OwnConnection, sqlx::Error> {
    OwnConnection::new(options.connect().await?).await
}
