//! `GET /answer`: the answer to a request whose reply was lost. The reset itself may have ended the
//! session that made the request, so for a short time its key is enough.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

use super::authoriser::Authoriser;
use super::idempotency::{Key, replayed};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use super::run::recalled;
use super::standing::{self, Unproven};
use super::unguessable::SHORTEST;
use crate::engine::Engine;
use crate::error::chain;
use crate::history::{Action, HistoryEntry};
use crate::message;

/// How long after a request was answered the key alone is enough to get the answer again.
const WITHOUT_CREDENTIALS: SignedDuration = SignedDuration::from_mins(10);

/// How long the host may take to tell who asks; a failed reset may have left its database locked.
const AUTHORISATION: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct UnderWay {
    run: Uuid,
}

/// The answer that the request with this `Idempotency-Key` got. A key that others could guess is
/// refused. The caller of the request gets its answer for as long as it is kept, another caller
/// never does, and without credentials it is given for 10 minutes.
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
        (status = 404, description = "No such request of this caller is known: it has not come, \
            nothing was begun, or it was answered too long ago for a caller without credentials", body = ref("#/components/schemas/Error")),
        openapi::OfBody, openapi::OfRun,
        (status = 405, description = "The path has no such method", body = ref("#/components/schemas/Error"),
            headers(("Allow" = String, description = "the methods that there are"))),
        (status = 500, description = "It failed; nothing has been lost", body = ref("#/components/schemas/Error")),
    )
))]
pub(super) async fn answer(
    engine: State<Engine>,
    Extension(authoriser): Extension<Arc<dyn Authoriser>>,
    request: Parts,
) -> Result<Response, Refused> {
    let key = Key::of(&request.headers)?.filter(|key| key.is_unguessable);
    let key = key.ok_or_else(|| {
        let error = format!(
            "`Idempotency-Key`: send the one of the request, and make it of {SHORTEST} random \
             characters or more, as a UUID or hexadecimal digits: a key that others could guess \
             gives no answer"
        );
        Refused::bad_request(error)
    })?;
    let answers = &engine.inner.answers;
    let is_under_way = answers.is_under_way(&key.name);
    let known = answers.find(&key.name).await;
    let known = known.map_err(|error| {
        // The error names paths, and the caller may have no credentials.
        tracing::error!(error = chain(&error), "an answer could not be read");
        Refused::failed(
            "the answer could not be read: the log of the service says why",
            None,
        )
    })?;
    let unknown = || Refused::not_found("no request with this `Idempotency-Key` is known");
    let record = known.ok_or_else(unknown)?;
    if record.answer.is_none() && is_under_way {
        // Without asking the host: a reset may have locked what it needs to tell who asks.
        let run = record.run;
        return Ok(Reply::new(StatusCode::ACCEPTED, &UnderWay { run }).into_response());
    }
    let asker = timeout(AUTHORISATION, authoriser.authorise(&request)).await;
    let asker = asker.ok().and_then(Result::ok);
    if let Some(asker) = &asker
        && let Some(unproven) = Unproven::of(&engine, &*authoriser, asker)
        && unproven.withholds(record.at)
    {
        return Err(standing::refused());
    }
    if let Some(asker) = &asker
        && !record.is_of(&key.of_actor(asker))
    {
        return Err(unknown());
    }
    let (reply, answered_at) = match record.answer {
        Some(reply) => (reply, record.answered_at.unwrap_or(record.at)),
        None => {
            let entry = engine.history_entry(record.run).ok_or_else(unknown)?;
            let ended_at = ended_at(&entry);
            (of_history(entry), ended_at)
        }
    };
    // The clock may have been set back: a time in the future is as far away as one in the past.
    let age = Timestamp::now().duration_since(answered_at).abs();
    if asker.is_none() && age > WITHOUT_CREDENTIALS {
        return Err(unknown());
    }
    Ok(replayed(reply))
}

fn ended_at(entry: &HistoryEntry) -> Timestamp {
    let duration = SignedDuration::from_millis(entry.duration_ms.try_into().unwrap_or(i64::MAX));
    let ended_at = entry.started_at.checked_add(duration);
    ended_at.unwrap_or(entry.started_at)
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
