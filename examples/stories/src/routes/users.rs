use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::access::Caller;

/// Who calls.
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({
        "id": caller.id,
        "username": caller.username,
        "role": caller.role,
    }))
}
