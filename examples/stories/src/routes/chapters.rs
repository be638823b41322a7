use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::stories;
use crate::access::Caller;
use crate::{ApiError, AppState, Cache, JsonBody, Path, Text, audit_log};

/// A chapter to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChapter {
    title: Text<200>,
    body: Text<500_000>,
}

/// Adds a chapter at the end of a story.
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(story): Path<i64>,
    JsonBody(request): JsonBody<CreateChapter>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    stories::find_for(&state, &caller, story).await?;
    let mut transaction = state.database.begin().await?;
    let last: Option<(i64, i64)> = sqlx::query_as(
        "SELECT id, number FROM chapters WHERE story_id = $1 ORDER BY number DESC LIMIT 1",
    )
    .bind(story)
    .fetch_optional(&mut *transaction)
    .await?;
    let number = last.map_or(1, |(_, number)| number + 1);
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO chapters (story_id, previous_id, number, title, body)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(story)
    .bind(last.map(|(id, _)| id))
    .bind(number)
    .bind(request.title.as_str())
    .bind(request.body.as_str())
    .fetch_one(&mut *transaction)
    .await
    .map_err(|error| {
        ApiError::of_insert(error, || {
            "another chapter was added at the same time, try again".to_owned()
        })
    })?;
    let (database, detail) = (&state.database, json!({ "story": story, "chapter": id }));
    let user = Some(caller.id);
    audit_log::record(database, &mut transaction, user, "added a chapter", &detail).await?;
    transaction.commit().await?;
    state.cache.forget(&Cache::story_key(story)).await;
    let chapter = json!({ "id": id, "number": number, "title": request.title.as_str() });
    Ok((StatusCode::CREATED, Json(chapter)))
}
