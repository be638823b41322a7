use std::sync::Arc;

use factory_reset::{BuildError, DatabaseError, Engine, EngineBuilder, KeptRows, Postgres, Sqlite};
use factory_reset_steps::{CacheError, CacheKeys, GeneratedFiles};

use crate::database::{POSTGRES_MIGRATOR, Pool, SQLITE_MIGRATOR};
use crate::{AppState, Cache, DataFiles, Database};

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
    /// The keys of the cache cannot be told from those of others.
    #[error("failed to prepare the cache for resets")]
    Cache(#[from] CacheError),
    /// The engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to build the reset engine")]
    Build(#[from] BuildError),
}

/// Builds the engine, and ends a reset that a crash has interrupted.
/// With `is_owner_trusted` another user may own the data, and act with the rights of this process.
pub(crate) async fn build(state: &AppState, is_owner_trusted: bool) -> Result<Engine, EngineError> {
    let builder = NOT_HERE
        .into_iter()
        .fold(Engine::builder(), EngineBuilder::without)
        .data_dir(state.files.directory())
        .trust_data_directory(is_owner_trusted)
        .resource(Arc::clone(&state.setup_token))
        .resource(Arc::clone(&state.tokens))
        .ephemeral_table("sessions")
        .resource(GeneratedFiles::new([
            DataFiles::REPORTS,
            DataFiles::STORIES,
        ]))
        .keep_rows(
            KeptRows::new("test_user", "the user that tests sign in as")
                .rows("users", "username = 'test'"),
        )
        .backups(DataFiles::BACKUPS)
        .preserve(
            DataFiles::SETUP_TOKEN,
            "creates the first administrator while there is no user",
        );
    let builder = match state.cache.client() {
        Some(client) => builder.resource(CacheKeys::new(client.clone(), Cache::PREFIX)?),
        None => builder,
    };
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
        Pool::Postgres(pool) => builder.database(Postgres::open(pool, &POSTGRES_MIGRATOR).await?),
    })
}

#[cfg(test)]
mod tests {
    use factory_reset::{ResetRequest, Selection};

    use super::*;
    use crate::{DataArguments, demo};

    #[tokio::test]
    async fn after_a_reset_somebody_can_set_the_service_up() {
        let directory = tempfile::tempdir().unwrap();
        let state = AppState::create(&DataArguments {
            data_dir: directory.path().join("data"),
            database_url: None,
            redis_url: None,
            jwt_secret: None,
        })
        .unwrap();
        let engine = build(&state, false).await.unwrap();
        state.database.migrate().await.unwrap();
        demo::fill(&state).await.unwrap();
        state.setup_token.refresh().await.unwrap();
        assert!(!state.files.setup_token().exists());

        let preview = engine.plan(&Selection::all()).await.unwrap().preview();
        let request = ResetRequest::new(Selection::all()).confirmed();
        let report = engine.reset(request).await.unwrap();
        assert_eq!(report.cleared, preview.cleared);
        assert!(state.files.setup_token().exists());
        assert!(state.files.jwt_secret().exists());

        // Connections that were open before are as good as new ones.
        demo::fill(&state).await.unwrap();
    }
}
