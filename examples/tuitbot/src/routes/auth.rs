use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use factory_reset::http::ClientGone;
use factory_reset::{Gate, OwnerProof};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Caller, PassphraseError, SessionCookie};
use crate::onboarding::{Claim, Credentials};
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
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<impl IntoResponse, ApiError> {
    // Where nobody can get in, nobody is counted.
    if !state.passphrase.is_held().await {
        return Err(ApiError::Unclaimed);
    }
    let place = state.passphrase.place()?;
    state
        .login_limit
        .check(address.ip())
        .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })?;
    let turn = client.run(place.turn()).await.ok_or(ApiError::Busy)??;
    let verified = match state.passphrase.verify(turn, request.passphrase).await {
        Ok(Some(hash)) => hash,
        Ok(None) => return Err(ApiError::WrongPassphrase),
        Err(PassphraseError::Unset) => return Err(ApiError::Unclaimed),
        Err(error) => return Err(ApiError::internal(error)),
    };
    // Only now, otherwise a crowd that signs in would delay a reset.
    let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
    // A reset may have come between.
    match state.passphrase.hash().await {
        Some(hash) if hash == verified => {}
        Some(_) => return Err(ApiError::WrongPassphrase),
        None => return Err(ApiError::Unclaimed),
    }
    let opened = state.sessions.open().await?;
    Ok((SessionCookie::set(&opened.token), Json(opened.session)))
}

/// A claim of a bot that was taken into use without one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimRequest {
    passphrase: String,
    /// Proves that the claim is the owner's, where the request does not carry the API token.
    setup_token: Option<String>,
}

/// Claims the bot, and signs the caller in. Only whoever knows the API token or an active setup
/// token may, because anybody could take over a configured bot otherwise.
pub(crate) async fn claim(
    State(state): State<AppState>,
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    Extension(proof): Extension<OwnerProof>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ClaimRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let credentials = Credentials {
        proof,
        setup_token: request.setup_token,
        is_bearer: state.authentication.is_bearer(&headers),
    };
    let claim = Claim {
        passphrase: request.passphrase,
    };
    let opened = state
        .onboarding
        .claim(claim, &credentials, &client, &gate)
        .await?;
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
