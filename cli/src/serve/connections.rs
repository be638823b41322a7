//! Serves connections, and ends in good order.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::told::note;

/// How long the head of a request may take, and a connection may idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// How long what is under way may take to end.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted, for lack of files say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves `app` until `shutdown`, then lets what is under way end.
pub(super) async fn serve(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let Ok((stream, _)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Whoever hangs up stops nothing: a reset runs on.
            let _ = connection.await;
        });
    }
    drop(listener);
    if timeout(SHUTDOWN_DEADLINE, graceful.shutdown())
        .await
        .is_err()
    {
        note("gave up waiting for requests under way");
    }
}
