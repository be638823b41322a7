//! Opens the service's database, for reading alone until the engine is built.

use std::path::Path;
use std::time::Duration;

use factory_reset::{Database, EngineBuilder, FactoryRows, Postgres, Sqlite, chain};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool, SqlitePool};
use tokio::time::timeout;

use super::Address;

/// How long connecting to a server may take.
const CONNECT: Duration = Duration::from_secs(10);

/// An open database.
pub(crate) enum Opened {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Address {
    /// Makes sure that there is a database; says what is wrong otherwise.
    /// With `is_owner_trusted` a file may belong to another user.
    pub(crate) async fn probe(&self, is_owner_trusted: bool) -> Result<(), String> {
        match self {
            Self::Sqlite(options) => probe_file(options, is_owner_trusted).await,
            Self::Postgres(options) => {
                let connecting = timeout(CONNECT, options.connect());
                let failed = |error: &str| {
                    format!(
                        "`{self}` cannot be reached: {error}: start the server, or correct the \
                         address"
                    )
                };
                match connecting.await {
                    Ok(Ok(connection)) => {
                        // It has answered; how it takes the farewell says nothing.
                        let _ = connection.close().await;
                        Ok(())
                    }
                    Ok(Err(error)) => Err(failed(&chain(&error))),
                    Err(_) => Err(failed("no answer within 10 s")),
                }
            }
        }
    }

    /// Makes sure, without opening it, that a file of a database is there.
    pub(crate) fn look(&self) -> Result<(), String> {
        match self {
            Self::Sqlite(options) => look_at_file(options),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Opens the database with the rows of a fresh install from `rows`, within `limit`.
    /// In a PostgreSQL database every role is trusted, or those alone that have no more to gain.
    pub(crate) async fn open(
        &self,
        rows: &FactoryRows,
        is_trusted: bool,
        limit: Duration,
    ) -> Result<Opened, String> {
        timeout(limit, self.open_unbounded(rows, is_trusted))
            .await
            .unwrap_or_else(|_| {
                Err(format!(
                    "`{self}` was not opened within {} s: see what keeps it, or raise \
                 `database.timeout`",
                    limit.as_secs()
                ))
            })
    }

    async fn open_unbounded(&self, rows: &FactoryRows, is_trusted: bool) -> Result<Opened, String> {
        let opened = match self {
            Self::Sqlite(options) => {
                let pool = SqlitePool::connect_lazy_with((**options).clone());
                let opened = Sqlite::open_from(&pool, rows).await;
                opened.map(|database| Opened::Sqlite(Box::new(database)))
            }
            Self::Postgres(options) => {
                let pool = PgPool::connect_lazy_with((**options).clone());
                let options = Postgres::trust_database(is_trusted);
                let opened = options.open_from(&pool, rows).await;
                opened.map(|database| Opened::Postgres(Box::new(database)))
            }
        };
        opened.map_err(|error| chain(&error))
    }
}

/// Makes sure that there is a file.
fn look_at_file(options: &SqliteConnectOptions) -> Result<(), String> {
    let file = options.get_filename();
    let shown = file.display();
    match file.metadata() {
        Err(error) => Err(format!("`{shown}`: {error}: correct the path")),
        Ok(metadata) if !metadata.is_file() => {
            Err(format!("`{shown}` is not a file: name the database in it"))
        }
        Ok(_) => Ok(()),
    }
}

async fn probe_file(options: &SqliteConnectOptions, is_owner_trusted: bool) -> Result<(), String> {
    look_at_file(options)?;
    let file = options.get_filename();
    let shown = file.display();
    // Before SQLite does anything: its journal may name files of others.
    let owned = match is_owner_trusted {
        true => Ok(()),
        false => Sqlite::check_owner(file),
    };
    let checked = owned.and_then(|()| Sqlite::check_file(file));
    checked.map_err(|error| chain(&error))?;
    let failed = |error: sqlx::Error| {
        let error = chain(&error);
        format!("`{shown}` cannot be opened: {error}: name an SQLite database that may be read")
    };
    let mut connection = options.connect().await.map_err(failed)?;
    sqlx::query("SELECT count(*) FROM sqlite_schema")
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

impl Opened {
    /// The database, for reading.
    pub(crate) fn database(&self) -> &dyn Database {
        match self {
            Self::Sqlite(database) => &**database,
            Self::Postgres(database) => &**database,
        }
    }

    /// Closes it.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            // Nothing of it is open between two calls.
            Self::Postgres(_) => {}
        }
    }

    /// Hands it to an engine.
    pub(crate) fn build(self, builder: EngineBuilder) -> EngineBuilder {
        match self {
            Self::Sqlite(database) => builder.database(*database),
            Self::Postgres(database) => builder.database(*database),
        }
    }

    /// Which of its files lie in `directory`, relative to that.
    pub(crate) fn files_in(&self, directory: &Path) -> Vec<String> {
        let directory = directory.canonicalize();
        let directory = directory.as_deref().unwrap_or(Path::new(""));
        let files = self.database().files().into_iter();
        files
            .filter_map(|file| Some(file.strip_prefix(directory).ok()?.to_str()?.to_owned()))
            .collect()
    }
}
