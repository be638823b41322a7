use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long the head of a request may take to arrive; also how long a connection may
/// idle. `axum::serve` would keep half a request for ever.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How many connections are served at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long requests under way may take to end at shutdown.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted, for lack of files say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves an app over HTTP/1.
pub struct Server {
    app: Router,
    lost: fn(JoinError) -> Response,
    streams: CancellationToken,
}

impl Server {
    /// Serves `app`, and answers with `lost` where it has not come to an answer.
    #[must_use]
    pub fn new(app: Router, lost: fn(JoinError) -> Response) -> Self {
        Self {
            app,
            lost,
            streams: CancellationToken::new(),
        }
    }

    /// Cancels `streams` at shutdown: for answers that would go on for as long as somebody
    /// listens, and so never let the service end.
    #[must_use]
    pub fn cancelling(mut self, streams: CancellationToken) -> Self {
        self.streams = streams;
        self
    }

    /// Serves until the shutdown signal comes, then lets what is under way end.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
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
            let connection = graceful.watch(self.connect(stream, address, &requests));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection ended");
                }
                drop(permit);
            });
        }
        drop(listener);
        tracing::info!("shutting down");
        self.streams.cancel();
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
        &self,
        stream: TcpStream,
        address: SocketAddr,
        requests: &TaskTracker,
    ) -> impl GracefulConnection<Error = hyper::Error> + use<> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "failed to send without delay");
        }
        let (app, lost, requests) = (self.app.clone(), self.lost, requests.clone());
        let service = service_fn(move |request| {
            let answer = answer(request, address, app.clone(), requests.clone());
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(lost)) }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .serve_connection(TokioIo::new(stream), service)
    }
}

/// Answers in a task of its own: hyper drops the future of a client that hangs up,
/// and half a handler is worse than an answer that nobody reads.
async fn answer(
    request: Request<Incoming>,
    address: SocketAddr,
    app: Router,
    requests: TaskTracker,
) -> Result<Response, JoinError> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(address));
    let Ok(response) = requests.spawn(app.oneshot(request)).await?;
    Ok(response)
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

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_shutdown_ends_streams_and_waits_for_their_answers() {
        let streams = CancellationToken::new();
        let (open, opened) = (streams.clone(), Arc::new(Semaphore::new(0)));
        let told = Arc::clone(&opened);
        let app = Router::new().route(
            "/",
            get(async move || {
                told.add_permits(1);
                open.cancelled().await;
                "ended"
            }),
        );
        let server = Server::new(app, |_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shut_down, shutdown) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.cancelling(streams).serve(listener, async {
            let _ = shutdown.await;
        }));

        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .unwrap();
        let _under_way = opened.acquire().await.unwrap();
        shut_down.send(()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("ended"), "{answer}");
        serving.await.unwrap();
    }
}
