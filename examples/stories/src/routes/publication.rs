use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::stories::{self, Chapter, Story};
use crate::access::Caller;
use crate::generated_file::{self, Readers};
use crate::{ApiError, AppState, Cache, DataFiles, Path, audit_log};

/// Publishes a story: writes it as a page, again if it was published before.
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    let story = stories::find_for(&state, &caller, id).await?;
    let page = page(&story, &stories::chapters(&state, id).await?);
    let name = format!("{id}.html");
    let mut transaction = state.database.begin().await?;
    sqlx::query("UPDATE stories SET published_at = CURRENT_TIMESTAMP WHERE id = $1")
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    let (database, detail) = (&state.database, json!({ "story": id }));
    let user = Some(caller.id);
    audit_log::record(
        database,
        &mut transaction,
        user,
        "published a story",
        &detail,
    )
    .await?;
    // Before the commit: what counts as published has its page.
    let path = state.files.stories().join(&name);
    generated_file::write(path, page.into_bytes(), Readers::All)
        .await
        .map_err(ApiError::internal)?;
    transaction.commit().await?;
    state.cache.forget(&Cache::story_key(id)).await;
    Ok(Json(
        json!({ "id": id, "file": format!("{}/{name}", DataFiles::STORIES) }),
    ))
}

fn page(story: &Story, chapters: &[Chapter]) -> String {
    let chapters: String = chapters
        .iter()
        .map(|chapter| {
            let (title, body) = (escaped(&chapter.title), escaped(&chapter.body));
            format!("<h2>{title}</h2>\n<p>{body}</p>\n")
        })
        .collect();
    let title = escaped(&story.title);
    format!(
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n{chapters}"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_markup() {
        assert_eq!(escaped("<b> & </b>"), "&lt;b&gt; &amp; &lt;/b&gt;");
    }
}
