use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
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
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<Json<IssuedToken>, ApiError> {
    let token = state
        .authentication
        .sign_in(request.username, request.password)
        .await?;
    Ok(Json(token))
}

/// Creates the first administrator.
pub(crate) async fn setup(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<SetupRequest>,
) -> Result<(StatusCode, Json<IssuedToken>), ApiError> {
    let token = state
        .setup
        .complete(&request.setup_token, &request.username, request.password)
        .await?;
    Ok((StatusCode::CREATED, Json(token)))
}
