//! A run that a call asks for: what it is answered, and what a repeat of the call meets with.

use std::future::Future;

use serde::Serialize;
use serde_json::{Value, json};

use super::idempotency::{Done, Memory, Try};
use super::refused::Refused;
use super::reply::Reply;
use crate::backup::BackupError;
use crate::engine::Engine;
use crate::error::{PlanError, ResetError};
use crate::gate::ClosedGate;
use crate::history::{HistoryEntry, RunOutcome};
use crate::report::Report;

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

/// Makes a run, unless it was made before, and tells of it.
pub(super) async fn run<Work, Running>(
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
        return Done {
            is_recalled: true,
            ..recalled(entry, tell)
        };
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
                is_recalled: false,
            }
        }
        Err(error) => Done::new(Refused::from(&error), of_failure(&error)),
    }
}

/// What the history knows of a run whose answer was lost with the process.
pub(super) fn recalled(entry: HistoryEntry, tell: impl FnOnce(&Value) -> String) -> Done {
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
        | ResetError::Cancelled
        | ResetError::Drain(_)
        | ResetError::Recovery(_)
        | ResetError::Confirmation
        | ResetError::SetupToken(_)
        | ResetError::Plan(PlanError::Selection(_) | PlanError::Busy) => Memory::Nothing,
        ResetError::Backup(error) => of_failed_backup(error),
        ResetError::NotUndone { .. } | ResetError::Undecided { .. } => Memory::Run,
        _ => Memory::Answer,
    }
}

/// What a repeat of a call is to meet with whose backup was not made.
pub(super) fn of_failed_backup(error: &BackupError) -> Memory {
    match error {
        BackupError::Busy
        | BackupError::Cancelled
        | BackupError::Drain
        | BackupError::Changing(_)
        | BackupError::Name(_) => Memory::Nothing,
        _ => Memory::Answer,
    }
}
