//! `GET /answer`: for whoever has lost the reply, and with it perhaps the right to ask: a reset may
//! have ended the session that asked for it.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::idempotency::{Key, replayed};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use super::run::recalled;
use super::standing::{self, Unproven};
use crate::engine::Engine;
use crate::history::{Action, HistoryEntry};
use crate::message;

/// How long a key must be to be nobody else's guess.
const UNGUESSABLE: usize = 32;

#[derive(Serialize)]
struct UnderWay {
    run: Uuid,
}

/// The answer that the request with this `Idempotency-Key` got. The key is all that is asked
/// for, so one that others could guess is refused.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/answer",
    operation_id = "recallAnswer",
    params(openapi::RecalledKey),
    security(()),
    responses(
        (status = 200, description = "What it was answered, or with the status of its failure",
            body = ref("#/components/schemas/Answered")),
        (status = 202, description = "It is under way", body = ref("#/components/schemas/UnderWay")),
        (status = 403, description = "It is the answer of an earlier owner, and the caller has not \
            proven to be the owner", body = ref("#/components/schemas/Error")),
        (status = 404, description = "No such request is known: it has not come, or nothing was \
            begun", body = ref("#/components/schemas/Error")),
        openapi::OfBody, openapi::OfRun,
        (status = 405, description = "The path has no such method", body = ref("#/components/schemas/Error"),
            headers(("Allow" = String, description = "the methods that there are"))),
        (status = 500, description = "It failed; nothing has been lost", body = ref("#/components/schemas/Error")),
    )
))]
pub(super) async fn answer(
    engine: State<Engine>,
    unproven: Option<Extension<Unproven>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let key = Key::of(&headers)?.filter(|key| key.length >= UNGUESSABLE);
    let key = key.ok_or_else(|| {
        let error = format!(
            "`Idempotency-Key`: send the one of the request, of {UNGUESSABLE} characters or more"
        );
        Refused::bad_request(error)
    })?;
    let answers = &engine.inner.answers;
    let is_under_way = answers.is_under_way(&key.name);
    let known = answers.find(&key.name).await;
    let known = known.map_err(|error| Refused::failed(crate::error::chain(&error), None))?;
    let unknown = || Refused::not_found("no request with this `Idempotency-Key` is known");
    let record = known.ok_or_else(unknown)?;
    if unproven.is_some_and(|Extension(unproven)| unproven.withholds(record.at)) {
        return Err(standing::refused());
    }
    if let Some(reply) = record.answer {
        return Ok(replayed(reply));
    }
    if is_under_way {
        let run = record.run;
        return Ok(Reply::new(StatusCode::ACCEPTED, &UnderWay { run }).into_response());
    }
    let entry = engine.history_entry(record.run).ok_or_else(unknown)?;
    Ok(replayed(of_history(entry)))
}

/// What the run was answered, or would have been.
fn of_history(entry: HistoryEntry) -> Reply {
    let backup = entry.backup.clone().unwrap_or_default();
    match entry.action {
        Action::Restore => {
            recalled(entry, |report: &Value| {
                message::of_restoration(&backup, report)
            })
            .reply
        }
        Action::Reset => recalled(entry, message::of_report).reply,
    }
}
