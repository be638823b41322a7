use axum::Json;
use serde_json::{Value, json};

/// Says that the service answers.
pub(crate) async fn show() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
