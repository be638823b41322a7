use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Any, AnyPool, AssertSqlSafe, ConnectOptions, Executor, Transaction};

/// The schema on SQLite. A fresh install holds no rows.
pub static SQLITE_MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");
/// The same schema on PostgreSQL.
pub static POSTGRES_MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a statement waits for another writer, and a caller for a connection.
/// Both together stay far below the time that a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many connections each pool opens at most.
const CONNECTIONS: u32 = 5;

/// The database, whichever it is. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Database {
    any: AnyPool,
    pool: Pool,
}

/// What migrations and resets work on: they know the one database from the other.
#[derive(Clone, Debug)]
pub enum Pool {
    /// A file in the data directory.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// Why a database cannot be used. The URL is not quoted: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// It names another kind of database.
    #[error(
        "the database URL is not of PostgreSQL: write `postgres://…`, or leave it out for SQLite"
    )]
    Scheme,
    /// It cannot be read.
    #[error("the database URL is not valid")]
    Invalid(#[from] sqlx::Error),
}

impl Database {
    /// The database at `url`, or else the one in `file`. Opened (and the file created) at the
    /// first use of [`pool`](Self::pool).
    ///
    /// # Errors
    ///
    /// When the URL names no PostgreSQL database.
    pub fn open(url: Option<&str>, file: &Path) -> Result<Self, DatabaseUrlError> {
        sqlx::any::install_default_drivers();
        let (pool, any) = match url {
            None => sqlite(file)?,
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                postgres(url)?
            }
            Some(_) => return Err(DatabaseUrlError::Scheme),
        };
        let waits = matches!(pool, Pool::Postgres(_)).then(|| {
            // SQLite's connections have theirs in their options.
            format!("SET lock_timeout = {}", PATIENCE.as_millis())
        });
        let any = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                let waits = waits.clone();
                Box::pin(async move {
                    if let Some(waits) = waits {
                        connection.execute(AssertSqlSafe(waits)).await?;
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(any);
        Ok(Self { any, pool })
    }

    /// Brings the schema up to date.
    pub(crate) async fn migrate(&self) -> Result<(), MigrateError> {
        match &self.pool {
            Pool::Sqlite(pool) => SQLITE_MIGRATOR.run(pool).await,
            Pool::Postgres(pool) => POSTGRES_MIGRATOR.run(pool).await,
        }
    }

    /// What migrations and resets work on.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Where it is, without a password.
    pub(crate) fn place(&self) -> String {
        match &self.pool {
            Pool::Sqlite(pool) => pool.connect_options().get_filename().display().to_string(),
            Pool::Postgres(pool) => {
                let options = pool.connect_options();
                let (host, port) = (options.get_host(), options.get_port());
                let name = options.get_database().unwrap_or(options.get_username());
                format!("postgres://{host}:{port}/{name}")
            }
        }
    }

    /// What everything else works on, in SQL that both databases understand.
    pub(crate) fn any(&self) -> &AnyPool {
        &self.any
    }

    /// Opens a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        // SQLite would refuse to let a reader write whom another writer has overtaken.
        let statement = self.either("BEGIN IMMEDIATE", "BEGIN");
        self.any.begin_with(statement).await
    }

    /// What differs between the databases.
    pub(crate) fn either<T>(&self, sqlite: T, postgres: T) -> T {
        match self.pool {
            Pool::Sqlite(_) => sqlite,
            Pool::Postgres(_) => postgres,
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.any.close().await;
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

fn sqlite(file: &Path) -> Result<(Pool, AnyConnectOptions), sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options);
    // The file's journal mode is its own, and the other settings are what sqlx begins with.
    // Of a path's characters `%` alone would come through the URL as something else.
    let any = SqliteConnectOptions::new()
        .filename(file.to_string_lossy().replace('%', "%25"))
        .to_url_lossy();
    Ok((Pool::Sqlite(pool), AnyConnectOptions::from_url(&any)?))
}

fn postgres(url: &str) -> Result<(Pool, AnyConnectOptions), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(url.parse::<PgConnectOptions>()?);
    Ok((Pool::Postgres(pool), url.parse()?))
}
