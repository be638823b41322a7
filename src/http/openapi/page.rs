//! The document and the page that shows it, as they are served.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, OriginalUri, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::document::{of_host, of_router, with_server};
use crate::engine::Engine;
use crate::http::authoriser::Authoriser;
use crate::http::refused::Refused;

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

/// Everything that the page loads comes with it; it asks the router alone. The page sets styles
/// in attributes.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The document. It needs the host's [`Authoriser`] as an extension.
pub(in crate::http) fn document(handlers: &OpenApi) -> Router<Engine> {
    let description = Arc::new(of_router(handlers));
    Router::new()
        .route(DOCUMENT, get(show))
        .layer(Extension(description))
}

/// The page, which anybody may see.
pub(in crate::http) fn page() -> Router<Engine> {
    Router::new()
        .route("/docs", get(to_page))
        .route("/docs/", get(async || file("")))
        .route(
            "/docs/{*file}",
            get(async |Path(path): Path<String>| file(&path)),
        )
}

/// The shapes of requests and answers are public; the names of this host's tables, directories
/// and steps are for callers who may see them in `/options`.
async fn show(
    State(engine): State<Engine>,
    Extension(description): Extension<Arc<Value>>,
    Extension(authoriser): Extension<Arc<dyn Authoriser>>,
    OriginalUri(uri): OriginalUri,
    request: Parts,
) -> Json<Value> {
    let prefix = uri.path().strip_suffix(DOCUMENT).unwrap_or_default();
    let document = with_server((*description).clone(), prefix);
    Json(match authoriser.authorise(&request).await {
        Ok(_) => of_host(document, &engine),
        Err(_) => document,
    })
}

/// The page names its files relative to its own path, which therefore ends with a slash.
async fn to_page(OriginalUri(uri): OriginalUri) -> Redirect {
    Redirect::permanent(&format!("{}/", last_segment(&uri)))
}

fn last_segment(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

fn file(path: &str) -> Response {
    let config = Arc::new(Config::new(["../openapi.json"]));
    let file = match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(file)) => file,
        Ok(None) => return Refused::not_found("there is nothing at this path").into_response(),
        Err(error) => return Refused::failed(error.to_string(), None).into_response(),
    };
    // Not copied: a client that reads nothing would hold a megabyte.
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&file.content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
