use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{ApiError, AppState, JsonBody};

/// An account on X that the bot watches closely.
#[derive(FromRow, Serialize)]
pub(crate) struct Target {
    account_id: String,
    username: String,
    status: String,
    priority: i64,
    created_at: String,
}

/// Which account to watch.
#[derive(Deserialize)]
pub(crate) struct CreateTarget {
    username: String,
}

const LONGEST_USERNAME: usize = 64;

/// All targets, in the order they were added.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Json<Vec<Target>>, ApiError> {
    let targets = sqlx::query_as(
        "SELECT account_id, username, status, priority, created_at
         FROM target_accounts ORDER BY created_at, account_id",
    )
    .fetch_all(&state.pool)
    .await?;
    Ok(Json(targets))
}

/// Adds a target.
pub(crate) async fn create(
    State(state): State<AppState>,
    JsonBody(request): JsonBody<CreateTarget>,
) -> Result<(StatusCode, Json<Target>), ApiError> {
    // People copy the name with its sign.
    let username = request
        .username
        .strip_prefix('@')
        .unwrap_or(&request.username);
    check_username(username)?;
    let target = sqlx::query_as(
        "INSERT INTO target_accounts (account_id, username) VALUES (?, ?)
         RETURNING account_id, username, status, priority, created_at",
    )
    // Until X has told the account's own id.
    .bind(Uuid::now_v7().to_string())
    .bind(username)
    .fetch_one(&state.pool)
    .await
    .map_err(|error| match error.as_database_error() {
        Some(known) if known.is_unique_violation() => {
            ApiError::Conflict(format!("`{username}` is a target already"))
        }
        _ => error.into(),
    })?;
    Ok((StatusCode::CREATED, Json(target)))
}

/// Wider than what X allows today: older names are longer.
fn check_username(username: &str) -> Result<(), ApiError> {
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    if username.is_empty() || username.len() > LONGEST_USERNAME || !username.chars().all(is_allowed)
    {
        return Err(ApiError::BadRequest(format!(
            "`username` must be 1 to {LONGEST_USERNAME} letters, digits, `_`, `-` or `.`"
        )));
    }
    Ok(())
}
