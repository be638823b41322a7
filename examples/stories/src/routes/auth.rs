use axum::extract::State;
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
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<Json<IssuedToken>, ApiError> {
    let token = state
        .authentication
        .sign_in(request.username, request.password, &client, &gate)
        .await?;
    Ok(Json(token))
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
