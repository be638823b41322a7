use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;

use crate::access::Caller;
use crate::generated_file::{self, Readers};
use crate::{ApiError, AppState, DataFiles, JsonBody, audit_log};

/// A report to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateReport {
    name: ReportName,
}

/// What a report is called: a file name on any system.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ReportName(String);

impl TryFrom<String> for ReportName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
        let is_name = (1..=64).contains(&name.len()) && name.chars().all(is_allowed);
        if is_name && !name.starts_with('.') {
            Ok(Self(name))
        } else {
            Err("expected 1 to 64 letters, digits, `_`, `-` or `.`, and no `.` at the start")
        }
    }
}

/// What a report tells.
#[derive(FromRow, Serialize)]
struct Figures {
    users: i64,
    stories: i64,
    chapters: i64,
    words: i64,
    comments: i64,
}

/// Makes a report: a row, and a file.
pub(crate) async fn create(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    JsonBody(request): JsonBody<CreateReport>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let caller = caller.require_administrator()?;
    let ReportName(name) = request.name;
    let mut transaction = state.database.begin().await?;
    let figures: Figures = sqlx::query_as(
        "SELECT (SELECT count(*) FROM users) AS users,
                (SELECT count(*) FROM stories) AS stories,
                (SELECT count(*) FROM chapters) AS chapters,
                (SELECT coalesce(sum(word_count), 0) FROM chapters) AS words,
                (SELECT count(*) FROM comments) AS comments",
    )
    .fetch_one(&mut *transaction)
    .await?;
    let insert = state.database.either(
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, $3) RETURNING id",
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, CAST($3 AS jsonb))
         RETURNING id",
    );
    let figures = json!(figures);
    let id: i64 = sqlx::query_scalar(insert)
        .bind(caller.id)
        .bind(name.clone())
        .bind(figures.to_string())
        .fetch_one(&mut *transaction)
        .await
        .map_err(|error| {
            ApiError::of_insert(error, || format!("there is a report `{name}` already"))
        })?;
    let (database, detail) = (&state.database, json!({ "report": name }));
    let user = Some(caller.id);
    audit_log::record(database, &mut transaction, user, "made a report", &detail).await?;
    let file = format!("{name}.json");
    generated_file::write(
        state.files.reports().join(&file),
        figures.to_string().into_bytes(),
        Readers::Owner,
    )
    .await
    .map_err(ApiError::internal)?;
    transaction.commit().await?;
    let report = json!({
        "id": id,
        "name": name,
        "figures": figures,
        "file": format!("{}/{file}", DataFiles::REPORTS),
    });
    Ok((StatusCode::CREATED, Json(report)))
}
