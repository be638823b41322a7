use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::automation::Runtimes;
use crate::{ApiError, AppState};

/// Whether the automation runs, and with how many loops.
pub(crate) async fn status(State(state): State<AppState>) -> Json<Value> {
    let running = state.runtimes.running();
    let task_count: usize = running.iter().map(|(_, loops)| loops).sum();
    Json(json!({ "running": !running.is_empty(), "task_count": task_count }))
}

/// Starts the automation.
pub(crate) async fn start(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    state
        .runtimes
        .start(Runtimes::DEFAULT_ACCOUNT)
        .map_err(|error| ApiError::Conflict(error.to_string()))?;
    Ok(Json(json!({ "status": "started" })))
}

/// Stops the automation, and answers when it has ended.
pub(crate) async fn stop(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    state
        .runtimes
        .stop(Runtimes::DEFAULT_ACCOUNT)
        .await
        .map_err(|error| ApiError::Conflict(error.to_string()))?;
    Ok(Json(json!({ "status": "stopped" })))
}
