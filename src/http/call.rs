//! A call with all that it says, and what the destructive ones have in common.

use std::future::Future;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::authoriser::Actor;
use super::idempotency::{Done, Memory, Repeatable, Try, once};
use super::if_match::Condition;
use super::json::Object;
use super::message;
use super::refused::Refused;
use super::reply::Reply;
use crate::backup::{BackupError, RestoreRequest};
use crate::engine::Engine;
use crate::error::{PlanError, ResetError};
use crate::gate::ClosedGate;
use crate::history::{HistoryEntry, RunOutcome};
use crate::report::Report;
use crate::request::ResetRequest;
use crate::selection::Selection;

/// What a destructive call without its confirmation is answered.
const UNCONFIRMED: &str = "confirmation required: set \"confirm\": true";

/// What somebody who is authorised has sent.
pub(super) struct Call {
    pub(super) engine: Engine,
    pub(super) body: Bytes,
    actor: String,
    path: String,
    headers: HeaderMap,
}

impl FromRequest<Engine> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, Refused> {
        let actor = request.extensions().get::<Actor>();
        let actor = actor.map(|actor| actor.0.clone()).unwrap_or_default();
        let path = format!("{} {}", request.method(), request.uri().path());
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, engine).await?;
        Ok(Self {
            engine: engine.clone(),
            body,
            actor,
            path,
            headers,
        })
    }
}

#[derive(Serialize)]
struct Success<'a> {
    success: bool,
    message: String,
    report: &'a Value,
}

fn success(report: &Value, message: String) -> Reply {
    Reply::ok(&Success {
        success: true,
        message,
        report,
    })
}

impl Call {
    /// The fields of a body that confirms what it asks for.
    pub(super) fn confirmed<Fields: DeserializeOwned>(&self) -> Result<Fields, Refused> {
        match Object::read(&self.body) {
            Ok(object) if object.says("confirm") => Ok(object.fields()?),
            _ => Err(Refused::bad_request(UNCONFIRMED)),
        }
    }

    /// The fields of any other body.
    pub(super) fn fields<Fields: DeserializeOwned>(&self) -> Result<Fields, Refused> {
        Ok(Object::read(&self.body)?.fields()?)
    }

    /// Resets `selection`, after a backup where one is named.
    pub(super) async fn reset(
        self,
        selection: Selection,
        backup: Option<String>,
    ) -> Result<Response, Refused> {
        let (request, condition) = (self.repeatable()?, Condition::of(&self.headers));
        let Self { engine, actor, .. } = self;
        let mut asked = ResetRequest::new(selection).confirmed().actor(actor);
        asked.backup = backup;
        let work = move |engine: Engine, this: Try| async move {
            let mut asked = asked.run(this.run);
            asked.digest = condition.digest(&engine, asked.selection()).await?;
            engine.reset_behind_gate(asked).await
        };
        Ok(once(engine.clone(), request, |this| {
            run(engine, this, message::of_report, work)
        })
        .await)
    }

    /// Restores the backup `name`.
    pub(super) async fn restore(self, name: String) -> Result<Response, Refused> {
        let (request, condition) = (self.repeatable()?, Condition::of(&self.headers));
        let Self { engine, actor, .. } = self;
        let message = format!("the backup `{name}` is restored");
        let mut asked = RestoreRequest::new(name).confirmed().actor(actor);
        let work = move |engine: Engine, this: Try| async move {
            asked.digest = condition.digest(&engine, &Selection::all()).await?;
            engine.restore_behind_gate(asked.run(this.run)).await
        };
        let tell = move |_: &Value| message;
        Ok(once(engine.clone(), request, |this| {
            run(engine, this, tell, work)
        })
        .await)
    }

    /// What tells this call from any other, where it may be repeated.
    pub(super) fn repeatable(&self) -> Result<Option<Repeatable>, Refused> {
        let conditions = self.headers.get_all(header::IF_MATCH);
        let mut content = vec![self.path.as_bytes(), &self.body];
        content.extend(conditions.iter().map(HeaderValue::as_bytes));
        Repeatable::of(&self.headers, &self.actor, &content)
    }
}

/// Makes a run, unless it was made before, and tells of it.
async fn run<Work, Running>(
    engine: Engine,
    this: Try,
    tell: impl FnOnce(&Value) -> String,
    work: Work,
) -> Done
where
    Work: FnOnce(Engine, Try) -> Running,
    Running: Future<Output = Result<(Report, ClosedGate), ResetError>>,
{
    let earlier = this.since.and_then(|_| engine.history_entry(this.run));
    if let Some(entry) = earlier
        && entry.outcome != RunOutcome::Refused
    {
        return recalled(entry, tell);
    }
    match work(engine, this).await {
        Ok((report, gate)) => {
            let report = if this.is_kept {
                report.to_value()
            } else {
                json!(report)
            };
            Done {
                reply: success(&report, tell(&report)),
                gate: Some(gate),
                memory: Memory::Answer,
            }
        }
        Err(error) => Done::new(Refused::from(&error), of_failure(&error)),
    }
}

/// What the history knows of a run whose answer was lost with the process.
fn recalled(entry: HistoryEntry, tell: impl FnOnce(&Value) -> String) -> Done {
    let error = entry.error.unwrap_or_default();
    match entry.outcome {
        RunOutcome::Completed => {
            let report = entry.report.unwrap_or_default();
            Done::new(success(&report, tell(&report)), Memory::Answer)
        }
        RunOutcome::Failed | RunOutcome::Refused => {
            Done::new(Refused::failed(error, entry.report), Memory::Answer)
        }
        RunOutcome::NotUndone | RunOutcome::Undecided => {
            Done::new(Refused::failed(error, entry.report), Memory::Run)
        }
    }
}

fn of_failure(error: &ResetError) -> Memory {
    match error {
        ResetError::AlreadyRunning
        | ResetError::Drain(_)
        | ResetError::Recovery(_)
        | ResetError::Confirmation
        | ResetError::Plan(PlanError::Selection(_)) => Memory::Nothing,
        ResetError::Backup(error) => of_failed_backup(error),
        ResetError::NotUndone { .. } | ResetError::Undecided { .. } => Memory::Run,
        _ => Memory::Answer,
    }
}

/// What a repeat of a call is to meet with whose backup was not made.
pub(super) fn of_failed_backup(error: &BackupError) -> Memory {
    match error {
        BackupError::Busy
        | BackupError::Drain
        | BackupError::Changing(_)
        | BackupError::Name(_) => Memory::Nothing,
        _ => Memory::Answer,
    }
}
