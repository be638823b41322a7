use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use factory_reset::Engine;
use factory_reset::cli::Target;

use crate::arguments::{DataArguments, ResetArguments};
use crate::reset::{self, EngineError};
use crate::{AppState, DataFiles, Database, OpenError};

/// Why the data of a service that does not run cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// The folder is not that of this service. None is made: a slip of the pen would leave an
    /// empty one.
    #[error(
        "`--data-dir {path}` is not the folder of a service that was started before: name that one",
        path = path.display()
    )]
    NoService {
        /// The folder.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The database or the cache is not usable.
    #[error("failed to open what the service keeps")]
    Open(#[from] OpenError),
    /// The reset engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to prepare for resets")]
    Engine(#[from] EngineError),
}

/// Does what `stories reset` says, on a service that does not run or, by HTTP, on one that does.
pub async fn reset(arguments: ResetArguments) -> ExitCode {
    let ResetArguments { data, reset } = arguments;
    let directory = std::path::absolute(&data.data_dir).unwrap_or_else(|_| data.data_dir.clone());
    let file = directory.join(DataFiles::DATABASE);
    let mut target = Target::new("stories").data_dir(&data.data_dir);
    // One that cannot be told of cannot be opened either.
    if let Ok(database) = Database::open(data.database_url.as_deref(), &file) {
        target = target.database(database.place());
    }
    reset.run(target, || open(data)).await
}

/// Nothing is started, migrated or written, but what an interrupted reset has left to do.
async fn open(data: DataArguments) -> Result<Engine, OfflineError> {
    let refuse = |source| OfflineError::NoService {
        path: data.data_dir.clone(),
        source,
    };
    let files = DataFiles::open(&data.data_dir).map_err(refuse)?;
    if data.database_url.is_none() {
        files.database().metadata().map_err(refuse)?;
    }
    let state = AppState::open(files, &data)?;
    Ok(reset::build(&state).await?)
}
