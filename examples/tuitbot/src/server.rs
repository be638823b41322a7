use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::ApiError;

/// How long the head of a request may take to arrive; also how long a connection may
/// idle. `axum::serve` would keep half a request for ever.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How many connections are served at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long requests under way may take to end at shutdown.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted, for lack of files say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves until the shutdown signal comes, then lets what is under way end.
pub(crate) async fn serve(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let (graceful, requests) = (GracefulShutdown::new(), TaskTracker::new());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = graceful.watch(connect(stream, address, &app, &requests));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    tracing::info!("shutting down");
    requests.close();
    let ended = async { tokio::join!(graceful.shutdown(), requests.wait()) };
    if tokio::time::timeout(SHUTDOWN_DEADLINE, ended)
        .await
        .is_err()
    {
        tracing::warn!("gave up waiting for requests under way");
    }
}

fn connect(
    stream: TcpStream,
    address: SocketAddr,
    app: &Router,
    requests: &TaskTracker,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + use<> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to send without delay");
    }
    let (app, requests) = (app.clone(), requests.clone());
    let service =
        service_fn(move |request| answer(request, address, app.clone(), requests.clone()));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service)
}

/// Answers in a task of its own: hyper drops the future of a client that hangs up,
/// and half a handler is worse than an answer that nobody reads.
async fn answer(
    request: Request<Incoming>,
    address: SocketAddr,
    app: Router,
    requests: TaskTracker,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(address));
    let answered = requests.spawn(app.oneshot(request)).await;
    Ok(answered.map_or_else(
        |error| ApiError::internal(error).into_response(),
        |Ok(response)| response,
    ))
}

/// Whether only the connection that was to be accepted is lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
