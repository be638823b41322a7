//! The server, and clients that do not behave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use factory_reset::CancellationToken;
use factory_reset::http::{ClientGone, Server};
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// No test waits for longer.
const LONG: Duration = Duration::from_secs(60);

/// A server that ends with the test.
struct Running {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    serving: JoinHandle<bool>,
}

impl Running {
    async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(server.serve(listener, async {
            let _ = ended.await;
        }));
        Self {
            address,
            end: Some(end),
            serving,
        }
    }

    /// A connection on which `text` was sent.
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// A client that asks for `path` many times and reads nothing.
    async fn deaf(&self, path: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(ask(path).as_bytes()).await.unwrap();
        stream
    }

    async fn assert_healthy(&self) {
        let answer = self.send(&ask("/health")).await;
        assert!(all(answer).await.ends_with("well"));
    }

    async fn end(mut self) {
        self.end.take().unwrap().send(()).unwrap();
        assert!(within(self.serving).await.unwrap());
    }
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.unwrap()
}

/// All that comes until the server closes the connection.
async fn all(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset ends it too.
    let _ = within(stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// More than fits into the buffers on the way.
const LARGE: usize = 8 << 20;

fn app() -> Router {
    Router::new()
        .route("/health", get(async || "well"))
        .route("/large", get(async || vec![b'x'; LARGE]))
        .route("/echo", post(async |body: String| body))
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_more_clients_than_connections_do_not_behave() {
    let running = Running::start(Server::new(app()).connections(16)).await;
    let halves = [
        "",
        "GET /health HT",
        "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf",
        "GET /health HTTP/1.1\r\nhost: h\r\n\r\n",
    ];
    let mut clients = Vec::new();
    for _ in 0..16 {
        for half in halves {
            clients.push(running.send(half).await);
        }
        clients.push(running.deaf("/large").await);
        running.assert_healthy().await;
    }
    drop(clients);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_keeps_its_connection_whatever_comes() {
    let (begun, proceed) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let app = app().route(
        "/slow",
        get({
            let (begun, proceed) = (begun.clone(), proceed.clone());
            async move || {
                begun.add_permits(1);
                proceed.acquire().await.unwrap().forget();
                "done"
            }
        }),
    );
    let running = Running::start(Server::new(app).connections(8)).await;
    let slow = running.send(&ask("/slow")).await;
    within(begun.acquire()).await.unwrap().forget();
    let mut idle = Vec::new();
    for _ in 0..64 {
        idle.push(running.send("GET").await);
    }
    running.assert_healthy().await;
    proceed.add_permits(1);
    assert!(all(slow).await.ends_with("done"));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_closed_and_a_quiet_stream_is_not() {
    let more = Arc::new(Semaphore::new(0));
    let app = app().route(
        "/quiet",
        get({
            let more = more.clone();
            async move || {
                let first = stream::once(async { Ok::<_, axum::Error>("first") });
                let second = stream::once(async move {
                    more.acquire().await.unwrap().forget();
                    Ok("second")
                });
                Body::from_stream(futures::StreamExt::chain(first, second))
            }
        }),
    );
    let server = Server::new(app).write_deadline(Duration::from_millis(100));
    let running = Running::start(server).await;
    let quiet = running.send(&ask("/quiet")).await;
    let deaf = running.deaf("/large").await;
    // The server resets the connection, which is an error for the next write.
    within(async {
        while deaf.take_error().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let received = all(deaf).await.len();
    assert!(received < LARGE, "{received}");
    more.add_permits(1);
    let quiet = all(quiet).await;
    assert!(
        quiet.contains("first") && quiet.contains("second"),
        "{quiet}"
    );
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_client_cancels_what_waits_and_no_handler() {
    let (begun, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let was_cancelled = Arc::new(AtomicBool::new(false));
    let app = Router::new().route(
        "/",
        get({
            let (begun, ended, was_cancelled) =
                (begun.clone(), ended.clone(), was_cancelled.clone());
            async move |client: ClientGone| {
                begun.add_permits(1);
                let waited = client.run(std::future::pending::<()>()).await;
                was_cancelled.store(waited.is_none(), Ordering::SeqCst);
                tokio::task::yield_now().await;
                ended.add_permits(1);
            }
        }),
    );
    let running = Running::start(Server::new(app)).await;
    let client = running.send(&ask("/")).await;
    within(begun.acquire()).await.unwrap().forget();
    drop(client);
    within(ended.acquire()).await.unwrap().forget();
    assert!(was_cancelled.load(Ordering::SeqCst));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_takes_too_long_fails() {
    let server = Server::new(app()).body_deadline(Duration::from_millis(50));
    let running = Running::start(server).await;
    let half = "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf";
    let answer = all(running.send(half).await).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_see_their_clients_address_and_a_head_has_a_largest_size() {
    let address = async |ConnectInfo(address): ConnectInfo<SocketAddr>| address.to_string();
    let app = Router::new().route("/", get(address));
    let running = Running::start(Server::new(app)).await;
    let client = running.send(&ask("/")).await;
    let address = client.local_addr().unwrap().to_string();
    assert!(all(client).await.ends_with(&address));
    let large = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(1 << 20));
    let mut client = TcpStream::connect(running.address).await.unwrap();
    let _ = client.write_all(large.as_bytes()).await;
    let answer = all(client).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    running.end().await;
}

#[tokio::test]
async fn a_shutdown_ends_streams_and_waits_for_their_answers() {
    let streams = CancellationToken::new();
    let (open, opened) = (streams.clone(), Arc::new(Semaphore::new(0)));
    let begun = opened.clone();
    let app = Router::new().route(
        "/",
        get(async move || {
            begun.add_permits(1);
            open.cancelled().await;
            "ended"
        }),
    );
    let running = Running::start(Server::new(app).cancelling(streams)).await;
    let client = running.send(&ask("/")).await;
    within(opened.acquire()).await.unwrap().forget();
    let answer = tokio::spawn(all(client));
    running.end().await;
    let answer = answer.await.unwrap();
    assert!(answer.ends_with("ended"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_for() {
    let panicking = get(async || -> &'static str { panic!("in a handler") });
    let running = Running::start(Server::new(Router::new().route("/", panicking))).await;
    let answer = all(running.send(&ask("/")).await).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    running.end().await;
}
