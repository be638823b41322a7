use std::io;
use std::net::SocketAddr;

use axum::response::IntoResponse;
use factory_reset::cli::Failure;
use factory_reset::http::{AllowedHosts, Server};
use shared_host::{announce, listen, shutdown_signal};
use sqlx::migrate::MigrateError;

use crate::access::{JwtSecretError, KnownPassword, SetupTokenError, Users};
use crate::arguments::ServeArguments;
use crate::reset::{self, EngineError};
use crate::{ApiError, AppState, DemoError, OpenError, app, demo, offline, pages};

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartupError {
    /// The data directory, the database or the cache is not usable.
    #[error("failed to prepare the service")]
    Open(#[from] OpenError),
    /// The server is root, and the data belongs to another user, or can be changed by one.
    #[error("failed to start as root")]
    Owner(#[from] Failure),
    /// There is nothing to sign tokens with.
    #[error("failed to load the secret that signs tokens")]
    JwtSecret(#[from] JwtSecretError),
    /// What a crash has left cannot be removed.
    #[error("failed to clean up the data directory")]
    Leftovers(#[source] io::Error),
    /// The reset engine cannot be built, or an interrupted reset cannot be ended.
    #[error("failed to prepare for resets")]
    Engine(#[from] EngineError),
    /// The database cannot be opened, or is not ours.
    #[error("failed to migrate the database")]
    Migrate(#[from] MigrateError),
    /// The example data cannot be written.
    #[error("failed to write the example data")]
    Demo(#[from] DemoError),
    /// The setup token cannot be made or removed.
    #[error("failed to prepare the setup token")]
    SetupToken(#[from] SetupTokenError),
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
    offline::roots(&arguments.data).check_server()?;
    let shutdown = shutdown_signal().map_err(StartupError::Signals)?;
    let state = AppState::create(&arguments.data)?;

    // Before migrations, before anything is read: it may have a reset to finish or undo.
    // From here on no other process has this directory.
    let engine = reset::build(&state, false).await?;
    let leftovers = state.files.remove_leftovers();
    leftovers.map_err(StartupError::Leftovers)?;
    state.tokens.load().await?;

    state.database.migrate().await?;

    // A folder that cannot be made, on a full disk say, keeps nobody from starting: a reset
    // may be what makes room.
    if let Err(error) = state.files.create_folders() {
        tracing::error!(%error, "failed to make the folders of generated files");
    }
    if arguments.demo && demo::is_fresh(&state).await? {
        demo::fill(&state).await?;
    } else if arguments.demo {
        tracing::info!("the service is in use, no example data is written");
    }
    state.setup_token.refresh().await?;

    let (listener, address) =
        listen(arguments.bind)
            .await
            .map_err(|source| StartupError::Bind {
                address: arguments.bind,
                source,
            })?;
    let users = Users::new(state.database.clone());
    let known = if arguments.demo {
        KnownPassword::find(users.clone(), &state.hashing, demo::ADMINISTRATOR).await
    } else {
        None
    };
    announce(address, &pages::advice(&state, known.as_ref()).await);
    let pages = pages::router(users, known);
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

    state.database.close().await;
    Ok(())
}
