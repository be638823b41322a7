use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::access::Caller;
use crate::{ApiError, AppState, Cache, JsonBody, Path, Text, audit_log};

/// A story without what is in it.
#[derive(FromRow, Serialize)]
pub(crate) struct Story {
    pub(super) id: i64,
    #[serde(skip)]
    author_id: i64,
    author: String,
    pub(super) title: String,
    summary: Option<String>,
    /// `draft` or `published`.
    status: String,
}

/// One of its chapters.
#[derive(FromRow, Serialize)]
pub(super) struct Chapter {
    id: i64,
    number: i64,
    pub(super) title: String,
    pub(super) body: String,
    word_count: i64,
}

/// What somebody says about it.
#[derive(FromRow, Serialize)]
struct Comment {
    id: i64,
    parent_id: Option<i64>,
    author: String,
    text: String,
}

/// A story to begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateStory {
    title: Text<200>,
    summary: Option<Text<2000>>,
}

/// The stories, by their titles.
pub(crate) async fn list(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let stories: Vec<Story> = sqlx::query_as(
        "SELECT stories.id, author_id, username AS author, title, summary,
                CASE WHEN published_at IS NULL THEN 'draft' ELSE 'published' END AS status
         FROM stories JOIN users ON users.id = author_id
         ORDER BY title_key, stories.id LIMIT 200",
    )
    .fetch_all(state.database.any())
    .await?;
    Ok(Json(json!({ "stories": stories })))
}

/// Begins a story.
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    JsonBody(request): JsonBody<CreateStory>,
) -> Result<(StatusCode, Json<Story>), ApiError> {
    let mut transaction = state.database.begin().await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO stories (author_id, title, summary) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(caller.id)
    .bind(request.title.as_str())
    .bind(request.summary.map(|summary| summary.as_str().to_owned()))
    .fetch_one(&mut *transaction)
    .await?;
    let (database, detail) = (&state.database, json!({ "story": id }));
    let user = Some(caller.id);
    audit_log::record(database, &mut transaction, user, "began a story", &detail).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(find(&state, id).await?)))
}

/// A story with all that is in it; from the cache, if it is there.
pub(crate) async fn show(
    State(state): State<AppState>,
    Path(id): Path<i64>,
) -> Result<Response, ApiError> {
    let key = Cache::story_key(id);
    let json = match state.cache.get(&key).await {
        Some(cached) => cached,
        None => {
            let whole = whole(&state, id).await?.to_string();
            state.cache.set(&key, &whole).await;
            whole
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

async fn whole(state: &AppState, id: i64) -> Result<Value, ApiError> {
    let mut story = serde_json::to_value(find(state, id).await?).map_err(ApiError::internal)?;
    let comments: Vec<Comment> = sqlx::query_as(
        "SELECT comments.id, parent_id, username AS author, text
         FROM comments JOIN users ON users.id = author_id WHERE story_id = $1
         ORDER BY comments.id",
    )
    .bind(id)
    .fetch_all(state.database.any())
    .await?;
    story["chapters"] = json!(chapters(state, id).await?);
    story["comments"] = json!(comments);
    Ok(story)
}

/// The story with this id.
async fn find(state: &AppState, id: i64) -> Result<Story, ApiError> {
    let story = sqlx::query_as(
        "SELECT stories.id, author_id, username AS author, title, summary,
                CASE WHEN published_at IS NULL THEN 'draft' ELSE 'published' END AS status
         FROM stories JOIN users ON users.id = author_id WHERE stories.id = $1",
    )
    .bind(id)
    .fetch_optional(state.database.any())
    .await?;
    story.ok_or(ApiError::NotFound("there is no such story"))
}

/// The same, if the caller may change it.
pub(super) async fn find_for(
    state: &AppState,
    caller: &Caller,
    id: i64,
) -> Result<Story, ApiError> {
    let story = find(state, id).await?;
    if story.author_id == caller.id || caller.is_administrator() {
        Ok(story)
    } else {
        Err(ApiError::Forbidden(
            "only its author and administrators may change a story",
        ))
    }
}

/// That there is such a story.
pub(super) async fn require(state: &AppState, id: i64) -> Result<(), ApiError> {
    find(state, id).await.map(|_| ())
}

/// A story's chapters, in their order.
pub(super) async fn chapters(state: &AppState, story: i64) -> Result<Vec<Chapter>, ApiError> {
    let chapters = sqlx::query_as(
        "SELECT id, number, title, body, word_count FROM chapters WHERE story_id = $1
         ORDER BY number",
    )
    .bind(story)
    .fetch_all(state.database.any())
    .await?;
    Ok(chapters)
}
