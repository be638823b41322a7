use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use factory_reset::Engine;
use factory_reset::cli::privileges::Roots;
use factory_reset::cli::{self, Failure, Target, block_on};

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
    /// The data belongs to another user.
    #[error("failed to become the owner of the data")]
    Owner(#[from] Failure),
    /// The reset engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to prepare for resets")]
    Engine(#[from] EngineError),
}

/// Does what `stories reset` says, on a service that does not run or, by HTTP, on one that does.
/// Call it outside of a runtime, because root becomes another user first.
pub fn reset(arguments: ResetArguments) -> ExitCode {
    let ResetArguments { data, reset } = arguments;
    if let Err(error) = become_owner(&data, &reset) {
        return reset.fail(&Failure::of_opening(&error));
    }
    block_on(async {
        let directory =
            std::path::absolute(&data.data_dir).unwrap_or_else(|_| data.data_dir.clone());
        let file = directory.join(DataFiles::DATABASE);
        let mut target = Target::new("stories").data_dir(&data.data_dir);
        // One that cannot be told of cannot be opened either.
        match Database::open(data.database_url.as_deref(), &file) {
            Ok(_) if data.database_url.is_none() => target = target.database_file(file),
            Ok(database) => target = target.database(database.place()),
            Err(_) => {}
        }
        let is_owner_trusted = reset.as_root;
        reset.run(target, || open(data, is_owner_trusted)).await
    })
}

/// Root becomes the user who owns the service, before anything is opened.
fn become_owner(data: &DataArguments, reset: &cli::ResetArguments) -> Result<(), OfflineError> {
    if reset.url.is_some() {
        return Ok(());
    }
    find(data)?;
    Ok(reset.become_owner(&roots(data))?)
}

/// The data directory, and the database if that is a file in it.
pub(crate) fn roots(data: &DataArguments) -> Roots {
    let roots = Roots::new(&data.data_dir);
    match data.database_url {
        None => roots.and("database", data.data_dir.join(DataFiles::DATABASE)),
        Some(_) => roots,
    }
}

/// Makes sure that there is a service.
fn find(data: &DataArguments) -> Result<DataFiles, OfflineError> {
    let refuse = |source| OfflineError::NoService {
        path: data.data_dir.clone(),
        source,
    };
    let files = DataFiles::open(&data.data_dir).map_err(refuse)?;
    if data.database_url.is_none() {
        files.database().metadata().map_err(refuse)?;
    }
    Ok(files)
}

/// Nothing is started, migrated or written, but what an interrupted reset has left to do.
async fn open(data: DataArguments, is_owner_trusted: bool) -> Result<Engine, OfflineError> {
    let files = find(&data)?;
    let state = AppState::open(files, &data)?;
    Ok(reset::build(&state, is_owner_trusted).await?)
}
