//! Options, preview and history over HTTP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value, json};

use uuid::Uuid;

use super::authoriser::Authoriser;
use crate::engine::Engine;
use crate::error::{PlanError, chain};
use crate::history::HistoryEntry;
use crate::report::Report;
use crate::selection::Selection;

/// The framework's own routes, each behind `authoriser`; to be nested where the host wants
/// them:
///
/// - `GET /options`: everything that can be reset, the same shape as a preview of all, with
///   the confirmation phrase.
/// - `POST /preview`: the report of a reset of the [`Selection`] in the body, which is not
///   made; an empty body selects everything.
///
/// - `GET /history`: the runs of the past, the newest first, without their reports.
/// - `GET /history/{id}`: one of them with its report, so that an answer that was lost can be
///   fetched again.
///
/// The first two answer with the plan's digest as `ETag`.
///
/// ```
/// # use factory_reset::{Engine, http::{router, Authoriser}};
/// # fn app(engine: &Engine, authoriser: impl Authoriser) -> axum::Router {
/// axum::Router::new().nest("/api/reset", router(engine, authoriser))
/// # }
/// ```
pub fn router(engine: &Engine, authoriser: impl Authoriser) -> Router {
    let authoriser: Arc<dyn Authoriser> = Arc::new(authoriser);
    Router::new()
        .route("/options", get(options))
        .route("/preview", post(preview))
        .route("/history", get(history))
        .route("/history/{id}", get(history_entry))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(authoriser, authorise))
        .with_state(engine.clone())
}

async fn authorise(
    State(authoriser): State<Arc<dyn Authoriser>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    match authoriser.authorise(&parts).await {
        Ok(actor) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(denial) => denial.into_response(),
    }
}

#[derive(Serialize)]
struct Options<'a> {
    /// What has to be typed to confirm a reset.
    confirmation: Option<&'a str>,
    #[serde(flatten)]
    report: Report,
}

async fn method_not_allowed() -> Refused {
    Refused(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed".to_owned(),
    )
}

async fn options(State(engine): State<Engine>) -> Result<Response, Refused> {
    let plan = engine.plan(&Selection::all()).await?;
    let options = Options {
        confirmation: engine.confirmation(),
        report: plan.preview(),
    };
    Ok(with_digest(plan.digest(), Json(options)))
}

async fn preview(
    State(engine): State<Engine>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let body = body.map_err(|rejection| Refused(rejection.status(), rejection.body_text()))?;
    let selection = selection(&body)?;
    let plan = engine.plan(&selection).await?;
    Ok(with_digest(plan.digest(), Json(plan.preview())))
}

#[derive(Serialize)]
struct History {
    runs: Vec<HistoryEntry>,
}

async fn history(State(engine): State<Engine>) -> Response {
    let mut runs = engine.history();
    runs.iter_mut().for_each(|run| run.report = None);
    without_store(Json(History { runs }))
}

async fn history_entry(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    // What is no run's number is as unknown as a number of no run.
    let entry = Uuid::try_parse(&id).ok();
    let entry = entry.and_then(|run| engine.history_entry(run));
    let unknown = || {
        Refused(
            StatusCode::NOT_FOUND,
            "the history has no such run".to_owned(),
        )
    };
    Ok(without_store(Json(entry.ok_or_else(unknown)?)))
}

fn selection(body: &[u8]) -> Result<Selection, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(Selection::all());
    }
    // An object first: serde would take an array for the fields in their order.
    serde_json::from_slice::<Map<String, Value>>(body)
        .and_then(|object| serde_json::from_value(Value::Object(object)))
        .map_err(|error| Refused(StatusCode::BAD_REQUEST, format!("not a selection: {error}")))
}

fn with_digest(digest: &str, body: impl IntoResponse) -> Response {
    let mut response = without_store(body);
    // Hexadecimal digits in quotes are always a valid header.
    if let Ok(value) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

fn without_store(body: impl IntoResponse) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (no_store, body).into_response()
}

/// An answer that tells what is wrong with the request, or with the host.
struct Refused(StatusCode, String);

impl From<PlanError> for Refused {
    fn from(error: PlanError) -> Self {
        let status = match &error {
            PlanError::Selection(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let error = chain(&error);
        if status.is_server_error() {
            tracing::error!(error, "no plan");
        }
        Self(status, error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "success": false, "error": self.1 });
        (self.0, Json(body)).into_response()
    }
}
