use std::sync::Arc;

use factory_reset::{BuildError, DatabaseError, Engine, EngineBuilder, Sqlite};
// A crate of steps that no code names is dropped by the linker.
use factory_reset_steps as _;

use crate::database::{Pool, SQLITE_MIGRATOR};
use crate::{AppState, DataFiles, Database};

/// What the linked steps clear and this host has not.
const NOT_HERE: [&str; 7] = [
    "config",
    "passphrase",
    "media",
    "runtimes",
    "watchtower",
    "generators",
    "rate-limits",
];

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The database cannot be opened, or the migrations do not run.
    #[error("failed to open the database")]
    Database(#[from] DatabaseError),
    /// The engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to build the reset engine")]
    Build(#[from] BuildError),
}

/// Builds the engine, and ends a reset that a crash has interrupted.
pub(crate) async fn build(state: &AppState) -> Result<Engine, EngineError> {
    let builder = NOT_HERE
        .into_iter()
        .fold(Engine::builder(), EngineBuilder::without)
        .data_dir(state.files.directory())
        .resource(Arc::clone(&state.setup_token))
        .preserve(
            DataFiles::JWT_SECRET,
            "tokens of administrators outlive a restart",
        )
        .preserve(
            DataFiles::SETUP_TOKEN,
            "creates the first administrator while there is no user",
        )
        .preserve(
            DataFiles::BACKUPS,
            "safety copies outlive what they were made of",
        );
    let builder = open_database(builder, &state.database).await?;
    Ok(builder.build().await?)
}

/// Adds the database that the engine resets.
async fn open_database(
    builder: EngineBuilder,
    database: &Database,
) -> Result<EngineBuilder, DatabaseError> {
    Ok(match database.pool() {
        Pool::Sqlite(pool) => builder.database(Sqlite::open(pool, &SQLITE_MIGRATOR).await?),
        // The place of the engine's PostgreSQL, with `POSTGRES_MIGRATOR`. Without a database
        // there is no table to clear.
        Pool::Postgres(_) => builder.without("tables"),
    })
}
