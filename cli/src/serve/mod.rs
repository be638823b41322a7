//! Serves the page and the HTTP API behind a bearer token.

mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use factory_reset::cli::{Exit, Failure};
use factory_reset::http::{AllowedHosts, Page, Server, SignIn, router};
use factory_reset::{Engine, EventKind};
use token::Token;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::Done;
use crate::command_line::ServeArguments;
use crate::service::Service;
use crate::setup::Setup;
use crate::told::{note, print};

/// Where the API is.
const API: &str = "/api/reset";

/// How long a request's body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Serves until a signal comes. `from_file` is what `--token-file` holds.
pub(crate) async fn run(
    setup: Result<Setup, Failure>,
    from_file: Option<String>,
    given: Option<String>,
    arguments: ServeArguments,
) -> Done {
    let setup = setup?;
    let token = Token::choose(from_file, given)?;
    let opened = setup.open().await;
    let engine = opened.map_err(|error| Failure::of_opening(&error))?;
    // Until here a signal ends the process at once, because opening can hang.
    let signals = signals().map_err(|error| {
        Failure::new(Exit::Failed, format!("signals cannot be received: {error}"))
    })?;
    let (listener, address) = listen(arguments.bind).await?;
    if setup.service.is_none() {
        note(format_args!(
            "note: stop {} before a reset: nothing keeps it from writing meanwhile, unless \
             `[service]` in the manifest has it stopped",
            setup.name()
        ));
    }
    let fragment = token.fragment();
    print(format!("http://{address}/{fragment}\n").as_bytes())?;
    note("Open it in a browser; Ctrl-C ends it.");
    let starting = setup.service.clone().map(|service| {
        let events = engine.events();
        tokio::spawn(start_after_resets(service, events))
    });
    let shutdown = async {
        signals.await;
        // Whoever listens to events would keep the server from ending.
        engine.end_events();
    };
    let hosts = AllowedHosts::new(address).and(arguments.allowed_hosts);
    let app = app(&engine, setup.name(), token).layer(hosts);
    if !Server::new(app).serve(listener, shutdown).await {
        note("gave up waiting for requests under way");
    }
    if let Some(starting) = starting {
        // Ends with the events; only a panic could keep it from it.
        let _ = starting.await;
    }
    Ok(())
}

fn app(engine: &Engine, name: &str, token: Token) -> Router {
    let page = Page::new(API).name(name).sign_in(SignIn::token());
    page.router()
        .nest(API, router(engine, token))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing at this path\n"))
        .layer(RequestBodyDeadlineLayer::new(BODY_DEADLINE))
}

/// Starts the service again after each reset that is committed.
async fn start_after_resets(service: Arc<Service>, mut events: factory_reset::Events) {
    while let Some(event) = events.next().await {
        if matches!(event.kind, EventKind::ResetFinished { .. }) {
            service.after_commit().await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound.await.map_err(|error| {
        let text = format!(
            "`--bind`: `{address}` cannot be listened on: {error}: choose another one, as \
             `127.0.0.1:0`"
        );
        Failure::new(Exit::Unreachable, text)
    })
}

/// Ends when the process is asked to.
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
