//! A small service that can be reset.

use std::path::PathBuf;

use clap::Args;
use factory_reset::{Engine, EngineBuilder, Postgres, Selection, Sqlite};
use factory_reset_steps::MediaDir;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::failure::Failure;

/// What the service has.
#[derive(Debug, Args)]
pub(super) struct Host {
    /// Its data directory.
    #[arg(long)]
    directory: PathBuf,
    /// Its database: a file of SQLite's, or the address of a PostgreSQL one.
    #[arg(long, requires = "migrations")]
    database: Option<String>,
    /// What makes the schema.
    #[arg(long)]
    migrations: Option<PathBuf>,
    /// The table that it preserves.
    #[arg(long)]
    preserve: Option<String>,
    /// Its media, below the data directory.
    #[arg(long)]
    media: Option<PathBuf>,
    /// SQLite overwrites what it deletes.
    #[arg(long)]
    secure_delete: bool,
    /// SQLite is cleared table by table, also where a factory image could take its place.
    #[arg(long)]
    clearing: bool,
    /// The tables to look at or to reset; everything when there are none.
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
}

/// The built-in steps that this service has nothing for.
const WITHOUT: [&str; 7] = [
    "config",
    "files",
    "generators",
    "passphrase",
    "rate-limits",
    "runtimes",
    "watchtower",
];

impl Host {
    /// Builds its engine.
    pub(super) async fn engine(&self) -> Result<Engine, Failure> {
        let builder = Engine::builder().data_dir(&self.directory);
        let mut builder = WITHOUT.into_iter().fold(builder, EngineBuilder::without);
        builder = match &self.media {
            Some(media) => builder.resource(MediaDir::new(media)),
            None => builder.without("media"),
        };
        if let Some(table) = &self.preserve {
            builder = builder.preserve_table(table, "people stay signed in");
        }
        builder = match (&self.database, &self.migrations) {
            (Some(database), Some(migrations)) => {
                let migrator = Migrator::new(migrations.as_path()).await?;
                if database.starts_with("postgres:") {
                    let pool = PgPool::connect(database).await?;
                    builder.database(Postgres::open(&pool, &migrator).await?)
                } else {
                    let pool = SqlitePool::connect_with(self.options(database)).await?;
                    let database = Sqlite::open(&pool, &migrator).await?;
                    builder.database(database.factory_image(!self.clearing))
                }
            }
            _ => builder.without("tables"),
        };
        Ok(builder.build().await?)
    }

    /// What of it is meant.
    pub(super) fn selection(&self) -> Selection {
        if self.tables.is_empty() {
            Selection::all()
        } else {
            Selection::steps(["tables"]).only("tables", self.tables.clone())
        }
    }

    fn options(&self, database: &str) -> SqliteConnectOptions {
        let secure_delete = if self.secure_delete { "ON" } else { "OFF" };
        SqliteConnectOptions::new()
            .filename(database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Extra)
            .pragma("secure_delete", secure_delete)
    }
}
