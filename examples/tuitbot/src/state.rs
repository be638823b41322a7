use std::io;
use std::sync::Arc;
use std::time::Duration;

use shared_host::database_file;
use sqlx::SqlitePool;

use crate::access::{ApiToken, Authentication, LoginLimit, Passphrase, Sessions};
use crate::automation::{Generators, Runtimes};
use crate::watchtower::Watchtower;
use crate::{ConfigurationFile, DataFiles, Onboarding, database};

/// Everything that the host keeps at hand. Cloning it is cheap.
#[derive(Clone)]
pub struct AppState {
    /// The data directory.
    pub files: DataFiles,
    /// The database.
    pub pool: SqlitePool,
    /// The configuration on disk.
    pub configuration: ConfigurationFile,
    /// Who calls.
    pub authentication: Arc<Authentication>,
    /// The signed-in browsers.
    pub sessions: Sessions,
    /// The passphrase.
    pub passphrase: Arc<Passphrase>,
    /// Who has tried to log in.
    pub login_limit: Arc<LoginLimit>,
    /// The content generators in memory.
    pub generators: Arc<Generators>,
    /// The running automation.
    pub runtimes: Arc<Runtimes>,
    /// The watch over the user's notes.
    pub watchtower: Arc<Watchtower>,
    /// How the service is taken into use.
    pub onboarding: Arc<Onboarding>,
}

impl AppState {
    /// Opens a data directory. Nothing runs yet, and the database is opened at its
    /// first use. Automation is to rest for about `pause` between two rounds. Call it within a
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the API token can be neither read nor made, or the file of the database cannot be made.
    pub fn open(files: DataFiles, pause: Duration) -> io::Result<Self> {
        database_file::prepare(&files.database())?;
        let pool = database::pool(&files.database());
        let configuration = ConfigurationFile::new(files.configuration());
        let api_token = ApiToken::load_or_create(&files.api_token())?;
        let sessions = Sessions::new(pool.clone());
        let passphrase = Arc::new(Passphrase::new(files.passphrase()));
        let generators = Arc::new(Generators::default());
        let watchtower = Arc::new(Watchtower::new(pool.clone()));
        Ok(Self {
            authentication: Arc::new(Authentication::new(api_token, sessions.clone())),
            login_limit: Arc::default(),
            runtimes: Arc::new(Runtimes::new(
                pool.clone(),
                configuration.clone(),
                Arc::clone(&generators),
                pause,
            )),
            onboarding: Arc::new(Onboarding::new(
                files.directory().to_owned(),
                configuration.clone(),
                Arc::clone(&passphrase),
                sessions.clone(),
                Arc::clone(&watchtower),
            )),
            files,
            pool,
            configuration,
            sessions,
            passphrase,
            generators,
            watchtower,
        })
    }
}
