//! Accepts connections, serves them, and ends in good order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::body::{Arriving, Sending};
use super::connection::Connection;
use super::connections::{Admitted, Connections};
use super::limits::Limits;
use super::stream::DeadlineStream;
use crate::http::ClientGone;

/// How long to wait when no connection can be accepted, for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How much of a request or an answer is held for one connection, in bytes. A longer head is
/// refused.
const BUFFER: usize = 32 * 1024;
/// How much the kernel holds for one connection in each direction, in bytes.
const SOCKET_BUFFER: usize = 64 * 1024;

/// An HTTP/1 server that many and slow clients cannot block (feature `serve`).
///
/// - A head that has not arrived within 10 seconds, a body that has not within 30, and a write that
///   makes no progress for 10 end their connection; so does a connection that is idle for 10.
/// - At most 4096 connections are open, a fourth of them from one remote address (an IPv6 network
///   of 64 bits counts as one), and fewer where the process may not open enough files: the soft
///   limit (`ulimit -n`) is raised for them as far as the hard one allows. A further
///   one takes the place of the one that has idled or stalled longest, and is refused only where a
///   handler works for each of them.
/// - At most an eighth of them hold an answer that their client does not read.
/// - Each request is answered in a task of its own: when its client disconnects, a handler is not
///   dropped half-way. It can ask [`ClientGone`] while it waits.
/// - Handlers find the address of their client in [`ConnectInfo<SocketAddr>`](ConnectInfo).
///
/// ```no_run
/// # async fn serve(app: axum::Router, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// factory_reset::http::Server::new(app).serve(listener, shutdown).await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Server {
    app: Router,
    lost: fn(JoinError) -> Response,
    streams: CancellationToken,
    limits: Limits,
}

impl Server {
    /// Serves `app`.
    #[must_use]
    pub fn new(app: Router) -> Self {
        Self {
            app,
            lost,
            streams: CancellationToken::new(),
            limits: Limits::default(),
        }
    }

    /// Answers with `lost` where a handler has panicked; a plain 500 unless set.
    #[must_use]
    pub fn lost(mut self, lost: fn(JoinError) -> Response) -> Self {
        self.lost = lost;
        self
    }

    /// Cancels `streams` at shutdown: for answers that would go on for as long as a client
    /// listens, and so would delay the shutdown.
    #[must_use]
    pub fn cancelling(mut self, streams: CancellationToken) -> Self {
        self.streams = streams;
        self
    }

    /// Keeps at most `connections` open; 4096 unless set. It is lowered where that would take more
    /// than three fourths of the file descriptors that the process may open.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections;
        self
    }

    /// Keeps at most `connections` open from one remote address; a fourth of all unless set. Set it
    /// higher where a reverse proxy on another machine carries the connections of all clients.
    #[must_use]
    pub fn connections_per_address(mut self, connections: usize) -> Self {
        self.limits.per_address = Some(connections);
        self
    }

    /// Closes a connection whose client has read nothing for `limit` although there is something to
    /// send; 10 seconds unless set.
    #[must_use]
    pub fn write_deadline(mut self, limit: Duration) -> Self {
        self.limits.write = limit;
        self
    }

    /// Fails the body of a request that has not arrived within `limit`; 30 seconds unless set.
    /// Set it higher for large uploads.
    #[must_use]
    pub fn body_deadline(mut self, limit: Duration) -> Self {
        self.limits.body = limit;
        self
    }

    /// Serves until `shutdown` ends, then waits up to 30 seconds for requests under way. Returns
    /// whether all of them have ended.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> bool {
        let limits = self.limits.below_file_limit();
        prepare(&listener);
        let connections = Arc::new(Connections::new(limits));
        let sockets = Arc::new(Semaphore::new(limits.connections + limits.closing()));
        let unread = Arc::new(Semaphore::new(limits.unread()));
        let (graceful, requests) = (GracefulShutdown::new(), TaskTracker::new());
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = async {
                let permit = Arc::clone(&sockets).acquire_owned().await;
                let unread = Arc::clone(&unread).acquire_owned().await;
                (permit, unread, listener.accept().await)
            };
            let (permit, unread, accepted) = tokio::select! {
                accepted = accepted => accepted,
                () = &mut shutdown => break,
            };
            let Ok(unread) = unread else {
                // Nothing closes the semaphore.
                continue;
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    connections.make_room();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(admitted) = connections.admit(address.ip().into()) else {
                tracing::debug!(%address, "refused a connection: there are too many");
                continue;
            };
            let connection = Arc::clone(&admitted.connection);
            let served = self.connect(stream, unread, address, &admitted, &requests, limits);
            let served = graceful.watch(served);
            tokio::spawn(async move {
                tokio::select! {
                    ended = served => if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended");
                    },
                    () = connection.closed.cancelled() => {
                        tracing::debug!(%address, "closed a connection for another one");
                    }
                }
                drop((admitted, permit));
            });
        }
        drop(listener);
        tracing::info!("shutting down");
        self.streams.cancel();
        requests.close();
        let ended = async { tokio::join!(graceful.shutdown(), requests.wait()) };
        let have_ended = tokio::time::timeout(limits.shutdown, ended).await.is_ok();
        if !have_ended {
            tracing::warn!("gave up waiting for requests under way");
        }
        have_ended
    }

    fn connect(
        &self,
        stream: TcpStream,
        unread: OwnedSemaphorePermit,
        address: SocketAddr,
        admitted: &Admitted,
        requests: &TaskTracker,
        limits: Limits,
    ) -> impl GracefulConnection<Error = hyper::Error> + use<> {
        if let Err(error) = configure(&stream, limits.write) {
            tracing::debug!(%error, "failed to configure a socket");
        }
        let connection = Arc::clone(&admitted.connection);
        let connections = Arc::clone(&admitted.connections);
        let stream = DeadlineStream::new(stream, connection, connections, limits.write, unread);
        let answering = Answering {
            app: self.app.clone(),
            lost: self.lost,
            address,
            connection: Arc::clone(&admitted.connection),
            requests: requests.clone(),
            body_limit: limits.body,
        };
        let service = service_fn(move |request| {
            let answer = answering.clone().answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
    }
}

/// What it takes to answer the requests of one connection.
#[derive(Clone)]
struct Answering {
    app: Router,
    lost: fn(JoinError) -> Response,
    address: SocketAddr,
    connection: Arc<Connection>,
    requests: TaskTracker,
    body_limit: Duration,
}

impl Answering {
    /// Answers in a task of its own, because hyper drops the future of a client that disconnects.
    async fn answer(self, request: hyper::Request<Incoming>) -> Response {
        let number = self.connection.begin();
        let body = |body| Arriving::body(body, self.connection.clone(), number, self.body_limit);
        let mut request: Request = request.map(body);
        let gone = CancellationToken::new();
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(self.address));
        extensions.insert(ClientGone::from(gone.clone()));
        let guard: DropGuard = gone.drop_guard();
        let answered = self.requests.spawn(self.app.oneshot(request)).await;
        // The client is there, and may wait for the rest of a stream.
        guard.disarm();
        let response = match answered {
            Ok(Ok(response)) => response,
            Err(error) => (self.lost)(error),
        };
        response.map(|body| Sending::body(body, self.connection, number))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "hosts may keep the error in their answer"
)]
fn lost(error: JoinError) -> Response {
    tracing::error!(%error, "a handler has failed");
    let body = Body::from("internal error\n");
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

/// Best effort: the server works without it.
fn prepare(listener: &TcpListener) {
    // Before the handshake, because the size decides on the window that is offered; accepted
    // sockets inherit it.
    let prepared = sockopt::set_socket_recv_buffer_size(listener, SOCKET_BUFFER)
        .and_then(|()| sockopt::set_socket_send_buffer_size(listener, SOCKET_BUFFER));
    if let Err(error) = prepared {
        tracing::debug!(%error, "failed to configure the listening socket");
    }
}

fn configure(stream: &TcpStream, write_deadline: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Also for what the kernel still has to send once the socket is closed, and for clients that
    // have vanished without a word.
    #[cfg(target_os = "linux")]
    {
        let limit = u32::try_from(write_deadline.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(stream, limit)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = write_deadline;
    Ok(())
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
