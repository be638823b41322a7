use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use factory_reset::Gate;
use factory_reset::http::ClientGone;
use serde::Deserialize;

use crate::access::{IssuedToken, Password, Username};
use crate::{ApiError, AppState, JsonBody};

/// What a user signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    username: String,
    password: String,
}

/// What takes a fresh install into use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupRequest {
    setup_token: String,
    username: Username,
    password: Password,
}

/// Issues a token.
pub(crate) async fn token(
    State(state): State<AppState>,
    // The connection's address: a header could name any.
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<Json<IssuedToken>, ApiError> {
    let (limit, address) = (&state.sign_in_limit, address.ip());
    // Counted before the password is verified, otherwise any number could be tried at once.
    limit
        .check(address)
        .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })?;
    let signed_in = state
        .authentication
        .sign_in(request.username, request.password, &client, &gate)
        .await;
    if !matches!(signed_in, Err(ApiError::WrongPassword)) {
        limit.forgive(address);
    }
    signed_in.map(Json)
}

/// Creates the first administrator.
pub(crate) async fn setup(
    State(state): State<AppState>,
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    JsonBody(request): JsonBody<SetupRequest>,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let SetupRequest {
        setup_token,
        username,
        password,
    } = request;
    let token = state
        .setup
        .complete(&setup_token, &username, password, &client, &gate)
        .await?;
    Ok((StatusCode::CREATED, Json(token)))
}
