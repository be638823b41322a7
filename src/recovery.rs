//! Ends an interrupted reset: forward when its commit stands, back when it does not.

use std::sync::Arc;

use crate::call::{Call, call};
use crate::context::{ForgetContext, StepContext};
use crate::database::Decision;
use crate::descriptor::Phase;
use crate::engine::{Inner, Running};
use crate::error::{RecoveryError, StepError};
use crate::journal::{Journal, JournalError, JournalRecord, JournalState};
use crate::registry::StepRegistration;
use crate::report::Pending;
use crate::selection::Selection;
use crate::staging::Staging;
use crate::task::blocking;
use crate::{executor, planner};

/// Ends what the journal tells of, if anything. Every action tolerates that it was done
/// already, so a recovery that is interrupted is simply run again. Returns what of a committed
/// reset could still not be finished; its journal stays.
pub(crate) async fn recover(
    inner: &Arc<Inner>,
    running: &mut Running,
) -> Result<Vec<Pending>, RecoveryError> {
    let mut pending = Vec::new();
    let Some(record) = running.journal.record().cloned() else {
        return Ok(pending);
    };
    let (run, state) = (record.run, record.state);
    let decision = decide(inner, &record).await?;
    tracing::warn!(%run, ?state, ?decision, "ending an interrupted reset");
    let (data_directory, paths) = (inner.data_directory.clone(), record.paths.clone());
    let staging = blocking(move || Staging::open(data_directory, run, paths)).await?;
    let staging = Arc::new(staging);
    match decision {
        Decision::Committed => {
            if state != JournalState::Forgotten {
                running.journal.advance(JournalState::Committed).await?;
                pending = forget(inner, &record).await;
            }
            let forgotten = pending.is_empty();
            pending.extend(finish(inner, &mut running.journal, Some(staging), forgotten).await);
            for Pending { work, error } in &pending {
                tracing::warn!(%run, work, error, "a committed reset is still not finished");
            }
        }
        Decision::Aborted => {
            blocking(move || {
                staging.restore()?;
                staging.purge()
            })
            .await?;
            running.journal.end().await?;
            if let Some(held) = &running.held {
                for problem in executor::resume(inner, &held.stopped).await {
                    tracing::error!(%run, problem, "an undone reset has left something stopped");
                }
            }
        }
    }
    running.held = None;
    Ok(pending)
}

async fn decide(inner: &Inner, record: &JournalRecord) -> Result<Decision, RecoveryError> {
    let actual = inner
        .database
        .as_ref()
        .map(|database| database.identity().to_owned());
    if record.database != actual {
        let name = |database: Option<String>| database.unwrap_or_else(|| "none".to_owned());
        return Err(RecoveryError::Journal(JournalError::OtherDatabase {
            recorded: name(record.database.clone()),
            actual: name(actual),
        }));
    }
    match (record.state, &inner.database) {
        (JournalState::Prepared, Some(database)) => Ok(database.decide(record.run).await?),
        (JournalState::Prepared, None) => Ok(Decision::Aborted),
        _ => Ok(Decision::Committed),
    }
}

/// Runs the Forget phase again for the steps of an interrupted reset.
async fn forget(inner: &Arc<Inner>, record: &JournalRecord) -> Vec<Pending> {
    let mut pending = Vec::new();
    for step in &inner.steps {
        let id = step.descriptor.id;
        if !record.steps.iter().any(|selected| selected == id.as_str()) {
            continue;
        }
        if let Err(error) = forget_step(inner, step).await {
            pending.push(Pending::new(id.as_str(), &error));
        }
    }
    pending
}

async fn forget_step(inner: &Arc<Inner>, step: &StepRegistration) -> Result<(), StepError> {
    let descriptor = &step.descriptor;
    let limit = inner.limits.step;
    if descriptor.phase != Phase::Forget {
        let context = ForgetContext {
            descriptor,
            resources: &inner.resources,
        };
        return call(Call::Forget, descriptor, limit, step.step.forget(&context)).await;
    }
    let selection = Selection::steps([descriptor.id.as_str()]);
    let plan = planner::plan(inner, &selection)
        .await
        .map_err(StepError::other)?;
    let mut context = StepContext {
        descriptor,
        resources: &inner.resources,
        erase: None,
    };
    for planned in &plan.steps {
        call(
            Call::Apply,
            descriptor,
            limit,
            step.step.apply(&mut context, &planned.plan),
        )
        .await?;
    }
    Ok(())
}

/// Cleans up after a commit: freed pages are given back, what is staged is purged, and the
/// journal goes last. Returns what could not be done; the journal stays then, and it is tried
/// again.
pub(crate) async fn finish(
    inner: &Inner,
    journal: &mut Journal,
    staging: Option<Arc<Staging>>,
    forgotten: bool,
) -> Vec<Pending> {
    let mut pending = Vec::new();
    let state = journal.record().map(|record| record.state);
    if let Some(database) = &inner.database
        && let Err(error) = database.reclaim().await
    {
        pending.push(Pending::new("reclaim", &error));
    }
    if state == Some(JournalState::Prepared) {
        // The commit could not be written down: nothing may be unlinked yet.
        return pending;
    }
    if let Some(staging) = staging
        && let Err(error) = blocking(move || staging.purge()).await
    {
        pending.push(Pending::new("purge", &error));
    }
    let ended = if pending.is_empty() && forgotten {
        journal.end().await
    } else if forgotten && state == Some(JournalState::Committed) {
        journal.advance(JournalState::Forgotten).await
    } else {
        Ok(())
    };
    if let Err(error) = ended {
        pending.push(Pending::new("journal", &error));
    }
    pending
}
