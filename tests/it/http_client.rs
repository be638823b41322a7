//! Whoever calls the router.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use factory_reset::http::{Actor, Authoriser, Denial, router};
use factory_reset::{Engine, async_trait};
use serde_json::Value;
use tower::ServiceExt;

use crate::fixture::Host;
use crate::steps::{Keys, paths};

struct Token;

#[async_trait]
impl Authoriser for Token {
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial> {
        let token = request.headers.get(header::AUTHORIZATION);
        match token.and_then(|token| token.to_str().ok()) {
            Some("Bearer token") => Ok(Actor("admin".to_owned())),
            Some("Bearer other-token") => Ok(Actor("other".to_owned())),
            _ => Err(Denial::new((StatusCode::UNAUTHORIZED, "who are you?"))),
        }
    }
}

/// The router where a host has put it.
pub(crate) fn app(engine: &Engine) -> Router {
    Router::new().nest("/reset", router(engine, Token))
}

/// A request of the administrator.
pub(crate) fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, "Bearer token")
        .body(body.into())
        .unwrap()
}

/// The same request with another header.
pub(crate) fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// What the router answers.
pub(crate) async fn send(
    engine: &Engine,
    request: Request<Body>,
) -> (StatusCode, HeaderMap, Bytes) {
    let response = app(engine).oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, headers, body)
}

/// What a `POST` is answered.
pub(crate) async fn post(engine: &Engine, path: &str, body: impl ToString) -> (StatusCode, Value) {
    let request = request(Method::POST, path, body.to_string());
    let (status, _, body) = send(engine, request).await;
    (status, serde_json::from_slice(&body).unwrap())
}

/// What a `GET` is answered.
pub(crate) async fn get(engine: &Engine, path: &str) -> (StatusCode, Value) {
    let (status, _, body) = send(engine, request(Method::GET, path, "")).await;
    (status, serde_json::from_slice(&body).unwrap())
}

/// An engine with tables of two steps, media, two directories of files, and a cache.
pub(crate) async fn full_engine(host: &Host) -> Engine {
    for path in ["reports/one.txt", "stories/a/two.txt", "stories/three.txt"] {
        host.write(path, "text");
    }
    let builder = host.media_builder().await;
    let builder = builder.step(paths("generated", &["reports", "stories"]));
    let builder = builder.step(Keys::registration("stories:"));
    builder.build().await.unwrap()
}
