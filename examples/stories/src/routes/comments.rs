use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::stories;
use crate::access::Caller;
use crate::{ApiError, AppState, Cache, JsonBody, Path, Text, audit_log};

/// What somebody has to say, and what it answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateComment {
    text: Text<5000>,
    parent_id: Option<i64>,
}

/// Adds a comment to a story.
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(story): Path<i64>,
    JsonBody(request): JsonBody<CreateComment>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    stories::require(&state, story).await?;
    let mut transaction = state.database.begin().await?;
    if let Some(parent) = request.parent_id {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT id FROM comments WHERE id = $1 AND story_id = $2")
                .bind(parent)
                .bind(story)
                .fetch_optional(&mut *transaction)
                .await?;
        found.ok_or_else(|| {
            ApiError::BadRequest(format!("`parent_id`: this story has no comment {parent}"))
        })?;
    }
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO comments (story_id, author_id, parent_id, text)
         VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(story)
    .bind(caller.id)
    .bind(request.parent_id)
    .bind(request.text.as_str())
    .fetch_one(&mut *transaction)
    .await?;
    let (database, detail) = (&state.database, json!({ "story": story, "comment": id }));
    let user = Some(caller.id);
    audit_log::record(database, &mut transaction, user, "commented", &detail).await?;
    transaction.commit().await?;
    state.cache.forget(&Cache::story_key(story)).await;
    let comment = json!({ "id": id, "parent_id": request.parent_id });
    Ok((StatusCode::CREATED, Json(comment)))
}
