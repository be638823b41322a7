//! The gate as a layer over the host's routes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower::{Layer, Service};

use super::arrived_body::BodyReader;
use crate::gate::Gate;
use crate::task::spawn;

/// How long a client is asked to wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Lets requests through while no reset runs, and answers 503 with `Retry-After` while one
/// does. A reset waits for the requests that are under way.
///
/// A request is under way once its body has arrived, otherwise a client that sends half a body
/// would delay resets. Bodies of more than 1 MiB are answered 413, see
/// [`largest_body`](Self::largest_body); all bodies together hold at most 32 MiB, beside 16 KiB
/// each, and further ones are answered 503.
///
/// Each request is handled in a task of its own: when its client hangs up, what it does goes
/// on to its end, so that nothing it writes comes after a reset which did not wait for it.
///
/// ```
/// # use factory_reset::Engine;
/// # fn app(engine: &Engine, routes: axum::Router) -> axum::Router {
/// routes.layer(engine.gate().except("/api/health").except("/api/reset"))
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GateLayer {
    gate: Gate,
    excepted: Vec<String>,
    entering: Vec<String>,
    bodies: BodyReader,
}

impl GateLayer {
    pub(crate) fn new(gate: Gate) -> Self {
        Self {
            gate,
            excepted: Vec::new(),
            entering: Vec::new(),
            bodies: BodyReader::default(),
        }
    }

    /// Always lets `path` and everything below it through, and leaves their bodies alone: health,
    /// the reset's own routes, and uploads that are streamed; those that write must
    /// [enter](Gate::enter) the gate themselves.
    #[must_use]
    pub fn except(mut self, path: impl Into<String>) -> Self {
        self.excepted.push(normalized(&path.into()));
        self
    }

    /// Lets requests to `path` and everything below it enter the gate themselves: for handlers
    /// that begin with long work which writes nothing, such as hashing a password, so that a reset
    /// does not wait for it. They are refused while a reset runs, their bodies are read, and they
    /// run in tasks of their own, like all others; they find the [`Gate`] among their extensions.
    ///
    /// ```
    /// # use axum::Extension;
    /// # use axum::http::StatusCode;
    /// # use factory_reset::Gate;
    /// # async fn verify(password: &str) {}
    /// # async fn open_session() {}
    /// async fn sign_in(Extension(gate): Extension<Gate>, password: String) -> Result<(), StatusCode> {
    ///     verify(&password).await;
    ///     let _entered = gate.enter().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    ///     // A reset may have come between: check again what the work relied on.
    ///     open_session().await;
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn enters_itself(mut self, path: impl Into<String>) -> Self {
        self.entering.push(normalized(&path.into()));
        self
    }

    /// Answers requests whose body is larger than `bytes` with 413; 1 MiB unless set. For larger
    /// uploads [except](Self::except) their path, and stream them.
    #[must_use]
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.bodies = self.bodies.largest(bytes);
        self
    }
}

fn normalized(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

fn is_below(path: &str, any: &[String]) -> bool {
    any.iter().any(|above| {
        path.strip_prefix(above.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

impl<Inner> Layer<Inner> for GateLayer {
    type Service = GateService<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        GateService {
            layer: self.clone(),
            inner,
        }
    }
}

/// What [`GateLayer`] makes of a service.
#[derive(Debug, Clone)]
pub struct GateService<Inner> {
    layer: GateLayer,
    inner: Inner,
}

impl<Inner> Service<Request> for GateService<Inner>
where
    Inner: Service<Request, Response = Response> + Clone + Send + 'static,
    Inner::Future: Send + 'static,
    Inner::Error: Send + 'static,
{
    type Response = Response;
    type Error = Inner::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Inner::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Inner::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let path = request.uri().path();
        if is_below(path, &self.layer.excepted) {
            return Box::pin(self.inner.call(request));
        }
        // Before the body is read, because it would be read for nothing.
        if self.layer.gate.enter().is_none() {
            return Box::pin(async { Ok(refusal()) });
        }
        let enters_itself = is_below(path, &self.layer.entering);
        let (gate, bodies) = (self.layer.gate.clone(), self.layer.bodies.clone());
        // The service that was polled ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match bodies.read(body).await {
                Ok(body) => body,
                Err(unread) => return Ok(unread.into_response()),
            };
            let mut request = Request::from_parts(parts, body);
            let entered = if enters_itself {
                request.extensions_mut().insert(gate);
                None
            } else {
                let Some(entered) = gate.enter() else {
                    return Ok(refusal());
                };
                Some(entered)
            };
            let response = inner.call(request);
            spawn(async move {
                let response = response.await;
                drop(entered);
                response
            })
            .await
        })
    }
}

fn refusal() -> Response {
    let body = json!({ "error": "a factory reset is under way, or has still to be ended: try again in a moment" });
    let headers = [(header::RETRY_AFTER, RETRY_AFTER)];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_whole_path_segments() {
        let layer = GateLayer::new(Gate::default()).except("/api/reset/");
        let is_excepted = |path| is_below(path, &layer.excepted);
        assert!(is_excepted("/api/reset"));
        assert!(is_excepted("/api/reset/options"));
        assert!(!is_excepted("/api/resets"));
        assert!(!is_excepted("/api"));
    }
}
