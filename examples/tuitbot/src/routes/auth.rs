use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Caller, PassphraseError, SessionCookie};
use crate::{ApiError, AppState, JsonBody};

/// What a browser signs in with.
#[derive(Deserialize)]
pub(crate) struct LoginRequest {
    passphrase: String,
}

/// Signs a browser in.
pub(crate) async fn login(
    State(state): State<AppState>,
    // The connection's address: a header could name any.
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<impl IntoResponse, ApiError> {
    // Where nobody can get in, nobody is counted.
    if !state.passphrase.is_held().await {
        return Err(ApiError::Unclaimed);
    }
    state
        .login_limit
        .check(address.ip())
        .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })?;
    match state.passphrase.verify(request.passphrase).await {
        Ok(true) => {}
        Ok(false) => return Err(ApiError::WrongPassphrase),
        Err(PassphraseError::Unset) => return Err(ApiError::Unclaimed),
        Err(error) => return Err(ApiError::internal(error)),
    }
    let opened = state.sessions.open().await?;
    Ok((SessionCookie::set(&opened.token), Json(opened.session)))
}

/// Signs the browser out whose cookie came with the request.
pub(crate) async fn logout(
    State(state): State<AppState>,
    cookies: CookieJar,
) -> Result<impl IntoResponse, ApiError> {
    if let Some(token) = SessionCookie::token(&cookies) {
        state.sessions.close(token).await?;
    }
    Ok((SessionCookie::clear(), Json(json!({ "ok": true }))))
}

/// Whether the caller is known; a browser gets its CSRF token again.
pub(crate) async fn status(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = state.authentication.identify(&headers).await?;
    Ok(Json(match caller {
        None => json!({ "authenticated": false }),
        Some(Caller::Bearer) => json!({ "authenticated": true }),
        Some(Caller::Session(session)) => json!({
            "authenticated": true,
            "csrf_token": session.csrf_token,
            "expires_at": session.expires_at,
        }),
    }))
}
