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

use crate::gate::Gate;
use crate::task::spawn;

/// How long a client is asked to wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Lets requests through while no reset runs, and answers 503 with `Retry-After` while one
/// does. A reset waits for the requests that are under way.
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
}

impl GateLayer {
    pub(crate) fn new(gate: Gate) -> Self {
        Self {
            gate,
            excepted: Vec::new(),
        }
    }

    /// Always lets `path` and everything below it through: health, and the reset's own routes.
    #[must_use]
    pub fn except(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        self.excepted.push(path.trim_end_matches('/').to_owned());
        self
    }

    fn is_excepted(&self, path: &str) -> bool {
        self.excepted.iter().any(|excepted| {
            path.strip_prefix(excepted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
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
    Inner: Service<Request, Response = Response>,
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
        if self.layer.is_excepted(request.uri().path()) {
            return Box::pin(self.inner.call(request));
        }
        let Some(entered) = self.layer.gate.enter() else {
            return Box::pin(async { Ok(refusal()) });
        };
        let response = self.inner.call(request);
        Box::pin(spawn(async move {
            let response = response.await;
            drop(entered);
            response
        }))
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
        assert!(layer.is_excepted("/api/reset"));
        assert!(layer.is_excepted("/api/reset/options"));
        assert!(!layer.is_excepted("/api/resets"));
        assert!(!layer.is_excepted("/api"));
    }
}
