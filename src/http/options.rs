//! `GET /options`: what there is.

use axum::extract::{Extension, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::client_gone::ClientGone;
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use super::standing::Unproven;
use crate::engine::Engine;

/// Everything that can be reset, with its counts.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/options",
    operation_id = "options",
    responses(
        (status = 200, description = "What there is", body = ref("#/components/schemas/Options"),
            headers(("ETag" = String, description = "the digest of all of it, in quotes"))),
        openapi::Always,
    )
))]
pub(super) async fn show(
    engine: State<Engine>,
    client: ClientGone,
    unproven: Option<Extension<Unproven>>,
) -> Result<Response, Refused> {
    let options = client.run(engine.options()).await;
    let mut options = options.ok_or_else(Refused::abandoned)??;
    if unproven.is_some() {
        options.ownership = Some("unproven");
    }
    Ok(with_digest(&options.report.digest, &options))
}

/// `body` with the digest of what it shows.
pub(super) fn with_digest(digest: &str, body: &impl Serialize) -> Response {
    let mut response = Reply::ok(body).into_response();
    // Hexadecimal digits in quotes are always a valid header.
    if let Ok(value) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
