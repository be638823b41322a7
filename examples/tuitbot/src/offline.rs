use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use factory_reset::Engine;
use factory_reset::cli::privileges::Roots;
use factory_reset::cli::{self, Failure, Target, block_on};

use crate::arguments::{DataArguments, ResetArguments};
use crate::automation::Runtimes;
use crate::reset::{self, EngineError};
use crate::{AppState, DataFiles};

/// Why the data of a bot that does not run cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// There is no bot in the folder. None is made: a slip of the pen would leave an empty one.
    #[error(
        "`--data-dir {path}` holds no `{file}`: name the folder of a bot that was started before",
        path = path.display(),
        file = DataFiles::DATABASE
    )]
    NoBot {
        /// The folder.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The folder cannot be read.
    #[error("failed to open the data directory `{path}`", path = path.display())]
    DataDirectory {
        /// The folder.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The data belongs to another user.
    #[error("failed to become the owner of the data")]
    Owner(#[from] Failure),
    /// The reset engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to prepare for resets")]
    Engine(#[from] EngineError),
}

/// Does what `tuitbot reset` says, on a bot that does not run or, by HTTP, on one that does. Call it
/// outside of a runtime, because root becomes another user first.
pub fn reset(arguments: ResetArguments) -> ExitCode {
    let ResetArguments { data, reset } = arguments;
    let directory = std::path::absolute(&data.data_dir).unwrap_or_else(|_| data.data_dir.clone());
    let database = directory.join(DataFiles::DATABASE);
    if let Err(error) = become_owner(&data, &reset) {
        return reset.fail(&Failure::of_opening(&error));
    }
    let target = Target::new("tuitbot")
        .data_dir(&data.data_dir)
        .database_file(database);
    let is_owner_trusted = reset.as_root;
    block_on(reset.run(target, || open(data, is_owner_trusted)))
}

/// Root becomes the user who owns the bot, before anything is opened.
fn become_owner(data: &DataArguments, reset: &cli::ResetArguments) -> Result<(), OfflineError> {
    if reset.url.is_some() {
        return Ok(());
    }
    let path = data.data_dir.clone();
    let files = DataFiles::open(&path).map_err(|source| OfflineError::NoBot { path, source })?;
    let roots = Roots::new(&data.data_dir).and("database", files.database());
    Ok(reset.become_owner(&roots)?)
}

/// Nothing is started, migrated or written, but what an interrupted reset has left to do.
async fn open(data: DataArguments, is_owner_trusted: bool) -> Result<Engine, OfflineError> {
    let path = data.data_dir.clone();
    let files = DataFiles::open(&path).map_err(|source| OfflineError::NoBot {
        path: path.clone(),
        source,
    })?;
    let state = AppState::open(files, Runtimes::PAUSE)
        .map_err(|source| OfflineError::DataDirectory { path, source })?;
    Ok(reset::build(&state, &data, is_owner_trusted).await?)
}
