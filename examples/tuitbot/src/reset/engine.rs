use std::sync::Arc;

use factory_reset::{BuildError, DatabaseError, Engine, Sqlite};
use factory_reset_steps::{
    ConfigFile, Generators, MediaDir, PassphraseCopy, PassphraseFile, RateLimits, Runtimes,
    Watchtower,
};

use crate::{AppState, DataArguments, DataFiles, MIGRATOR};

/// What has to be typed to reset this service.
const CONFIRMATION: &str = "RESET TUITBOT";

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
/// With `is_owner_trusted` another user may own the data, and act with the rights of this process.
pub(crate) async fn build(
    state: &AppState,
    data: &DataArguments,
    is_owner_trusted: bool,
) -> Result<Engine, EngineError> {
    let database = Sqlite::open(&state.pool, &MIGRATOR).await?;
    let builder = Engine::builder()
        .database(database.factory_image(!data.no_factory_image))
        .data_dir(state.files.directory())
        .trust_data_directory(is_owner_trusted)
        .resource(ConfigFile::new(DataFiles::CONFIGURATION))
        .resource(PassphraseFile::new(DataFiles::PASSPHRASE))
        .resource(PassphraseCopy::new(Arc::clone(&state.passphrase) as _))
        .resource(MediaDir::new(DataFiles::MEDIA))
        .resource(Runtimes::new(Arc::clone(&state.runtimes) as _))
        .resource(Watchtower::new(Arc::clone(&state.watchtower) as _))
        .resource(Generators::new(Arc::clone(&state.generators) as _))
        .resource(RateLimits::new(Arc::clone(&state.login_limit) as _))
        .preserve_secret(DataFiles::API_TOKEN, "bearer clients must stay signed in")
        .ephemeral_table("sessions")
        .owner_step("passphrase")
        .backups(DataFiles::BACKUPS)
        .without("files")
        .confirmation(CONFIRMATION);
    let builder = if data.strict_coverage {
        builder.strict_coverage()
    } else {
        builder
    };
    Ok(builder.build().await?)
}
