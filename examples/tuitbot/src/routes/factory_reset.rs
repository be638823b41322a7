use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use factory_reset::http::answer_behind_gate;
use factory_reset::{Engine, ResetRequest, Selection};
use serde::Serialize;
use serde_json::{Map, Value};
use shared_host::BodyError;

use crate::ApiError;
use crate::access::{Caller, SessionCookie};

/// Carries the setup token that the reset is to activate, if the client has asked for one.
const SETUP_TOKEN: HeaderName = HeaderName::from_static("setup-token");

/// Resets everything; the caller is known by now, whatever the body holds.
pub(crate) async fn factory_reset(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let mut request = ResetRequest::new(Selection::all()).actor(caller.kind());
    match body {
        Ok(body) => request = request.phrase(phrase(&body).unwrap_or_default()),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(BodyError::TooLarge.into());
        }
        // A body that does not arrive confirms nothing.
        Err(_) => {}
    }
    if let Some(token) = headers.get(SETUP_TOKEN) {
        // One that is no text is no token either.
        request = request.setup_token(token.to_str().unwrap_or_default());
    }
    let (report, gate) = engine.reset_behind_gate(request).await?;
    let body = ResetComplete {
        status: "reset_complete",
        cleared: report.cleared,
    };
    let answer = (SessionCookie::clear(), Json(body)).into_response();
    Ok(answer_behind_gate(answer, gate))
}

#[derive(Serialize)]
struct ResetComplete {
    status: &'static str,
    cleared: Map<String, Value>,
}

fn phrase(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("confirmation")?.as_str()?.to_owned())
}
