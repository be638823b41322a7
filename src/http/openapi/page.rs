//! The document and the page that shows it, as they are served.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, OriginalUri, Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

use super::document;
use crate::engine::Engine;
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

/// The routes that anybody may see.
pub(in crate::http) fn routes(handlers: &OpenApi) -> Router<Engine> {
    let description = Arc::new(document::of_router(handlers));
    Router::new()
        .route(DOCUMENT, get(show))
        .route("/docs", get(to_page))
        .route("/docs/", get(async || file("")))
        .route(
            "/docs/{*file}",
            get(async |Path(path): Path<String>| file(&path)),
        )
        .layer(Extension(description))
}

async fn show(
    State(engine): State<Engine>,
    Extension(description): Extension<Arc<Value>>,
    OriginalUri(uri): OriginalUri,
) -> Json<Value> {
    let prefix = uri.path().strip_suffix(DOCUMENT).unwrap_or_default();
    Json(document::of_host((*description).clone(), &engine, prefix))
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
    let no_sniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, no_sniff);
    response
}
