//! Tells a handler that its client has disconnected.

use std::convert::Infallible;
use std::future::Future;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::CancellationToken;

/// Whether the client of a request has disconnected: for handlers that wait before they begin, so
/// that abandoned requests do not fill a queue. An extractor; without a server that inserts it
/// into the request's extensions, as [`Server`](super::Server) does (feature `serve`), it never
/// reports a disconnection.
///
/// Cancel only the waiting with it, never work that writes:
///
/// ```
/// # use axum::http::StatusCode;
/// # use factory_reset::http::ClientGone;
/// # use tokio::sync::Semaphore;
/// # static TURNS: Semaphore = Semaphore::const_new(2);
/// async fn convert(client: ClientGone) -> Result<(), StatusCode> {
///     let turn = client.run(TURNS.acquire()).await;
///     let _turn = turn.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
///     // From here on the work runs to its end.
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClientGone(CancellationToken);

impl ClientGone {
    /// Runs `work` until it ends, or drops it when the client disconnects and returns `None`.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}

/// For servers of other crates: cancel the token when the client disconnects.
impl From<CancellationToken> for ClientGone {
    fn from(token: CancellationToken) -> Self {
        Self(token)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientGone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>();
        Ok(known.cloned().unwrap_or_default())
    }
}
