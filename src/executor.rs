//! Takes one reset from its request to its end: refuses it, or attempts it, and tells of it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::attempt::{Attempt, Unfinished};
use crate::call::{bounded, message};
use crate::descriptor::StepDescriptor;
use crate::engine::{Inner, Running};
use crate::error::{FailureCause, PlanError, ResetError, chain};
use crate::event::{EventKind, Progress};
use crate::gate::ClosedGate;
use crate::guard::Refusal;
use crate::history::{Action, HistoryEntry, Kept};
use crate::plan::ResetPlan;
use crate::report::{self, Pending, Report};
use crate::request::ResetRequest;
#[cfg(feature = "backup")]
use crate::restoration::{self, Restoration};
#[cfg(feature = "backup")]
use crate::saving;
use crate::selection::Selection;
use crate::task::blocking;
use crate::{planner, recovery, reserve, retry};

/// Runs one reset to its end, or refuses it where the caller could not take his turn. The gate
/// stays closed until the returned guard is dropped, or only many files have still to be unlinked.
pub(crate) async fn run(
    inner: Arc<Inner>,
    turn: Result<OwnedMutexGuard<()>, ResetError>,
    request: ResetRequest,
) -> Result<(Report, ClosedGate), ResetError> {
    // What names nothing that there is may be anything, of any size.
    let selection = Some(request.selection.clone());
    let selection =
        selection.filter(|selection| selection.validate(&inner.parts, &inner.kept_rows).is_ok());
    let mut entry = HistoryEntry::begun(
        request.run.unwrap_or_else(Uuid::now_v7),
        request.actor.clone(),
        selection,
    );
    if let Some(name) = request.restore.as_ref() {
        entry.action = Action::Restore;
        entry.selection = None;
        entry.backup = Some(report::shortened(name.clone()));
    } else {
        entry.backup = request.backup.clone().map(report::shortened);
    }
    match turn {
        Ok(_turn) => take_turn(&inner, &request, entry).await,
        Err(refused) => {
            record(&inner, Kept::failed(entry, &refused, 0)).await;
            Err(refused)
        }
    }
}

async fn take_turn(
    inner: &Arc<Inner>,
    request: &ResetRequest,
    entry: HistoryEntry,
) -> Result<(Report, ClosedGate), ResetError> {
    let run = entry.id;
    let progress = Arc::new(Progress::new(inner.events.clone(), run));
    progress.send(match entry.action {
        Action::Reset => EventKind::ResetStarted,
        Action::Restore => EventKind::RestoreStarted,
    });
    // What is tried again in the background may hold it for a while.
    let mut running = inner.running.lock().await;
    let reset = AssertUnwindSafe(reset(inner, &mut running, request, &entry, &progress));
    let result = reset.catch_unwind().await;
    #[cfg(feature = "backup")]
    if request.restore.is_some() {
        let data_directory = inner.data_directory.clone();
        if let Err(error) = blocking(move || restoration::clear(&data_directory)).await {
            tracing::warn!(
                error = chain(&error),
                "could not remove what was unpacked; the next start does"
            );
        }
    }
    let data_directory = inner.data_directory.clone();
    blocking(move || reserve::keep(&data_directory)).await;
    retry::schedule(inner, &mut running);
    let result = result.unwrap_or_else(|panic| resume_unwind(panic));
    if let Err(error) = &result {
        // While nobody can end it: whoever does so later has the last word.
        record(inner, Kept::failed(entry, error, progress.elapsed_ms())).await;
    }
    match &result {
        Ok((report, _)) => {
            let cleared = serde_json::Value::Object(report.cleared.clone());
            tracing::info!(%run, duration_ms = report.duration_ms, %cleared, "reset finished");
            for Pending { work, error } in &report.pending {
                tracing::warn!(%run, work, error, "the reset is not quite finished; it is tried again");
            }
            let pending = report.pending.len();
            progress.send(EventKind::ResetFinished { pending });
        }
        Err(error) => {
            let error = chain(error);
            tracing::warn!(%run, error, "reset failed");
            progress.send(EventKind::ResetFailed { error });
        }
    }
    result
}

/// Adds to the history, as well as it can.
pub(crate) async fn record(inner: &Inner, kept: Kept) {
    let (history, run) = (inner.history.clone(), kept.run());
    if let Err(error) = blocking(move || history.record(kept)).await {
        tracing::warn!(%run, error = chain(&error), "could not write the history");
    }
}

async fn reset(
    inner: &Arc<Inner>,
    running: &mut Running,
    request: &ResetRequest,
    entry: &HistoryEntry,
    progress: &Arc<Progress>,
) -> Result<(Report, ClosedGate), ResetError> {
    recovery::decide_prepared(inner, running).await?;
    // Held to the end: others may reset the same database from data directories of their own.
    let _lock = match &inner.database {
        Some(database) => match database.lock().await.map_err(PlanError::from)? {
            Some(lock) => Some(lock),
            None => return Err(ResetError::AlreadyRunning),
        },
        None => None,
    };

    let setup_token = match &request.setup_token {
        Some(token) => {
            let found = inner.owner_proof.find_inert(token);
            Some(found.map_err(ResetError::SetupToken)?)
        }
        None => None,
    };

    #[cfg(feature = "backup")]
    if let Some(name) = &request.backup {
        saving::check(inner, name, entry.id).await?;
    }
    #[cfg(feature = "backup")]
    let opened = match &request.restore {
        Some(name) => Some(Restoration::open(inner, name).await?),
        None => None,
    };
    #[cfg(feature = "backup")]
    let narrowed = opened.as_ref().map(|opened| ResetRequest {
        selection: opened.selection(inner),
        ..request.clone()
    });
    #[cfg(feature = "backup")]
    let request = narrowed.as_ref().unwrap_or(request);

    let cancelled = || Err(ResetError::Cancelled);
    let planning = planner::plan(inner, &request.selection);
    let Some(plan) = request.cancellation.run_until_cancelled(planning).await else {
        return cancelled();
    };
    let mut plan = plan?;
    check_digest(inner, request, &plan).await?;
    // What is put back refers to what is put back; that is checked before the commit.
    if !plan.references.is_empty() && request.restore.is_none() {
        return Err(ResetError::References(plan.references));
    }
    let blockers = plan.obstacles(request.restore.is_some());
    if !blockers.is_empty() {
        return Err(ResetError::Blocked(blockers));
    }
    check_guards(inner, request, &plan).await?;

    progress.send(EventKind::Planned {
        steps: plan.steps.len(),
    });
    let closing = inner.gate.close(inner.limits.drain);
    let mut closed = match request.cancellation.run_until_cancelled(closing).await {
        Some(Some(closed)) => closed,
        Some(None) => return Err(ResetError::Drain(inner.limits.drain)),
        None => return cancelled(),
    };
    progress.send(EventKind::Drained);
    if request.digest.is_some() {
        // Once more, now that nobody else writes: what a step writes while it stops is ours.
        plan = planner::plan(inner, &request.selection).await?;
        check_digest(inner, request, &plan).await?;
    }

    let mut attempt = Attempt::new(inner, request, progress, entry, &plan);
    attempt.activate(setup_token);
    #[cfg(feature = "backup")]
    if let Some(opened) = &opened {
        attempt.restore(opened);
    }
    let until_commit = AssertUnwindSafe(attempt.until_commit(running, &plan)).catch_unwind();
    let result = match until_commit.await {
        Ok(result) => result,
        Err(panic) => {
            // Of the database's driver, or of our own: how far it came is found out by whoever
            // ends it.
            attempt.hold(running, closed);
            let cause = FailureCause::Panicked(message(&*panic));
            let undone = vec!["what is to be put back is found out in the background".to_owned()];
            return Err(attempt.not_undone(cause, undone));
        }
    };
    match result {
        Ok(plan) => {
            let is_selected = |step: &StepDescriptor| {
                let mut steps = plan.steps.iter();
                steps.any(|planned| planned.descriptor().id == step.id)
            };
            // What a restoration stops runs again after it.
            if request.restore.is_none() {
                recovery::drop_stopped(inner, running, is_selected).await;
            }
            let report = attempt.after_commit(running, &plan, &mut closed).await;
            Ok((report, closed))
        }
        Err(Unfinished::Failed(cause)) => match attempt.undo_files(running).await {
            Ok(()) => Err(attempt.resume(running, cause).await),
            Err(error) => {
                let problems = vec![chain(&error)];
                attempt.hold(running, closed);
                Err(attempt.not_undone(cause, problems))
            }
        },
        Err(Unfinished::Undecided(cause)) => {
            attempt.hold(running, closed);
            Err(attempt.undecided(cause))
        }
    }
}

/// The digest may be that of what is asked for, or of everything: who has looked at all that
/// there is has also seen the part.
async fn check_digest(
    inner: &Arc<Inner>,
    request: &ResetRequest,
    plan: &ResetPlan,
) -> Result<(), ResetError> {
    let Some(digest) = &request.digest else {
        return Ok(());
    };
    if digest == plan.digest() {
        return Ok(());
    }
    if *digest == planner::plan(inner, &Selection::all()).await?.digest {
        return Ok(());
    }
    Err(ResetError::Changed {
        digest: plan.digest.clone(),
    })
}

async fn check_guards(
    inner: &Inner,
    request: &ResetRequest,
    plan: &ResetPlan,
) -> Result<(), ResetError> {
    for guard in &inner.guards {
        let checked = bounded(inner.limits.step, guard.check(request, plan)).await;
        let refusal = match checked {
            Ok(Ok(())) => continue,
            Ok(Err(refusal)) => refusal,
            Err(stuck) => Refusal::new(stuck.to_string()),
        };
        return Err(ResetError::Guard {
            guard: guard.name(),
            source: refusal,
        });
    }
    Ok(())
}
