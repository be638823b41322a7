use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use shared_host::{AttemptLimit, Hashing, database_file};

use crate::access::{
    Authentication, JwtSecretError, JwtSecretSource, Setup, SetupToken, Tokens, Users,
};
use crate::{Cache, CacheError, DataArguments, DataFiles, Database, DatabaseUrlError};

/// How many wrong passwords a client may try a minute.
const WRONG_PASSWORDS: usize = 10;

/// Everything that the host keeps at hand. Cloning it is cheap.
#[derive(Clone)]
pub struct AppState {
    /// The data directory.
    pub files: DataFiles,
    /// The database.
    pub database: Database,
    /// What is kept in Redis.
    pub cache: Cache,
    /// Hashes passwords.
    pub hashing: Arc<Hashing>,
    /// What callers show.
    pub tokens: Arc<Tokens>,
    /// Who calls.
    pub authentication: Arc<Authentication>,
    /// Who has tried wrong passwords. A reset leaves it alone: it holds addresses, for a minute.
    pub sign_in_limit: Arc<AttemptLimit>,
    /// What the first administrator is created with.
    pub setup_token: Arc<SetupToken>,
    /// How the service is taken into use.
    pub setup: Arc<Setup>,
}

/// Why the host has not what it needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be made.
    #[error("failed to create the data directory `{path}`", path = path.display())]
    Directory {
        /// The data directory.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// There is nothing to sign tokens with.
    #[error("failed to load the secret that signs tokens")]
    JwtSecret(#[from] JwtSecretError),
    /// The database is none of ours.
    #[error("failed to open the database")]
    Database(#[from] DatabaseUrlError),
    /// The file of the database cannot be made, or examined.
    #[error("failed to prepare the file of the database `{path}`", path = path.display())]
    DatabaseFile {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The cache is none of ours.
    #[error("failed to open the cache")]
    Cache(#[from] CacheError),
}

impl AppState {
    /// Opens what the arguments name, and makes the data directory where it is missing. Nothing runs yet; database and cache are reached for at
    /// their first use. Call it within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When an argument is not valid.
    pub fn create(arguments: &DataArguments) -> Result<Self, OpenError> {
        let files =
            DataFiles::create(&arguments.data_dir).map_err(|source| OpenError::Directory {
                path: arguments.data_dir.clone(),
                source,
            })?;
        Self::open(files, arguments)
    }

    /// Opens what is there already.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn open(files: DataFiles, arguments: &DataArguments) -> Result<Self, OpenError> {
        if arguments.database_url.is_none() {
            let path = files.database();
            let prepared = database_file::prepare(&path);
            prepared.map_err(|source| OpenError::DatabaseFile { path, source })?;
        }
        let database = Database::open(arguments.database_url.as_deref(), &files.database())?;
        let cache = Cache::open(arguments.redis_url.as_deref())?;
        let secret = match &arguments.jwt_secret {
            Some(secret) => JwtSecretSource::configured(secret.clone(), files.token_epoch())?,
            None => JwtSecretSource::generated(files.jwt_secret()),
        };
        let tokens = Arc::new(Tokens::new(secret));
        let users = Users::new(database.clone());
        let hashing = Arc::new(Hashing::default());
        let authentication = Arc::new(Authentication::new(
            Arc::clone(&tokens),
            users.clone(),
            Arc::clone(&hashing),
        ));
        let setup_token = Arc::new(SetupToken::new(files.setup_token(), users.clone()));
        let setup = Arc::new(Setup::new(
            Arc::clone(&setup_token),
            users,
            Arc::clone(&hashing),
            Arc::clone(&authentication),
        ));
        Ok(Self {
            files,
            database,
            cache,
            hashing,
            tokens,
            authentication,
            sign_in_limit: Arc::new(AttemptLimit::new(WRONG_PASSWORDS)),
            setup_token,
            setup,
        })
    }
}
