use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::response::IntoResponse;
use factory_reset::chain;
use factory_reset::cli::Failure;
use factory_reset::cli::privileges::Roots;
use factory_reset::http::{AllowedHosts, Server};
use shared_host::{announce, listen, shutdown_signal};
use sqlx::migrate::MigrateError;

use crate::access::PassphraseError;
use crate::arguments::ServeArguments;
use crate::demo_install;
use crate::pages::{self, KnownPassphrase};
use crate::reset::{self, EngineError};
use crate::{ApiError, AppState, DataFiles, DemoError, MIGRATOR, app};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartupError {
    /// A folder or file of the data directory cannot be made or read.
    #[error("failed to prepare the data directory `{path}`", path = path.display())]
    DataDirectory {
        /// The data directory.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The server is root, and the data belongs to another user, or can be changed by one.
    #[error("failed to start as root")]
    Owner(#[from] Failure),
    /// The reset engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to prepare for resets")]
    Engine(#[from] EngineError),
    /// The database cannot be opened, or is not ours.
    #[error("failed to migrate the database")]
    Migrate(#[from] MigrateError),
    /// The passphrase cannot be read.
    #[error("failed to load the passphrase")]
    Passphrase(#[from] PassphraseError),
    /// The example data cannot be written.
    #[error("failed to write the example data")]
    Demo(#[from] DemoError),
    /// The address cannot be listened on.
    #[error("failed to listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The signals that end the service cannot be received.
    #[error("failed to listen for signals")]
    Signals(#[source] io::Error),
}

/// Starts the service, serves until SIGINT or SIGTERM, and stops it in good order.
///
/// # Errors
///
/// When the service cannot start.
pub async fn serve(arguments: &ServeArguments) -> Result<(), StartupError> {
    let directory = &arguments.data.data_dir;
    Roots::new(directory)
        .and("database", directory.join(DataFiles::DATABASE))
        .check_server()?;
    let shutdown = shutdown_signal().map_err(StartupError::Signals)?;

    let data_directory_error = |source| StartupError::DataDirectory {
        path: arguments.data.data_dir.clone(),
        source,
    };
    let files = DataFiles::create(&arguments.data.data_dir).map_err(data_directory_error)?;
    // Asked before the database is there.
    let is_fresh = files.is_fresh().map_err(data_directory_error)?;
    let state =
        AppState::open(files, arguments.automation_pause()).map_err(data_directory_error)?;

    // Before migrations, before anything is read: it may have a reset to finish or undo.
    // From here on no other process has this directory.
    let engine = reset::build(&state, &arguments.data, false).await?;
    state
        .files
        .remove_leftovers()
        .map_err(data_directory_error)?;
    tell("backups", state.files.create_backups());

    MIGRATOR.run(&state.pool).await?;

    tell("media", state.files.create_media());
    state.passphrase.load().await?;
    if arguments.demo && is_fresh {
        demo_install::fill(&state, arguments.demo_rows, arguments.demo_media).await?;
    } else if arguments.demo {
        tracing::info!("the data directory is in use, no example data is written");
    }
    watch_configured_sources(&state).await;

    let (listener, address) =
        listen(arguments.bind)
            .await
            .map_err(|source| StartupError::Bind {
                address: arguments.bind,
                source,
            })?;
    let known = if arguments.demo {
        KnownPassphrase::find(&state.passphrase, demo_install::PASSPHRASE).await
    } else {
        None
    };
    announce(address, &pages::advice(&state, known.as_ref()).await);
    let pages = pages::router(state.configuration.clone(), known);
    let hosts = AllowedHosts::new(address)
        .and(arguments.allowed_hosts.clone())
        .answer(|refusal| ApiError::Host(refusal).into_response());
    let app = app(state.clone(), &engine, pages).layer(hosts);
    let server = Server::new(app).lost(|error| ApiError::internal(error).into_response());
    let shutdown = async {
        shutdown.await;
        // Whoever listens to events would keep the service from ending.
        engine.end_events();
    };
    server.serve(listener, shutdown).await;

    state.runtimes.stop_all().await;
    state.watchtower.stop().await;
    state.pool.close().await;
    Ok(())
}

/// A folder that cannot be made, on a full disk say, keeps nobody from starting either: a reset
/// may be what makes room.
fn tell(folder: &str, made: io::Result<()>) {
    if let Err(error) = made {
        tracing::error!(folder, %error, "failed to make a folder of the data directory");
    }
}

/// A configuration that cannot be read keeps nobody from starting: how else could
/// they reset it.
async fn watch_configured_sources(state: &AppState) {
    match state.configuration.read().await {
        Ok(Some(configuration)) => state.watchtower.resume(&configuration.source_folders()),
        Ok(None) => {}
        Err(error) => tracing::error!(error = chain(&error), "no sources are watched"),
    }
}
