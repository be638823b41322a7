//! Ends an interrupted reset: forward when its commit stands, back when it does not. Every
//! action tolerates that it was done already, so a recovery that is interrupted is simply run
//! again.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::call::{Call, call};
use crate::context::{ForgetContext, StepContext};
use crate::data_directory::PathError;
use crate::database::Decision;
use crate::descriptor::Phase;
use crate::engine::{Inner, Running};
use crate::error::{RecoveryError, StepError};
use crate::executor::resume;
use crate::journal::{Journal, JournalError, JournalRecord, JournalState, Leftover};
use crate::planner;
use crate::registry::StepRegistration;
use crate::report::Pending;
use crate::selection::Selection;
use crate::staging::{Staging, purge};
use crate::task::blocking;

/// Ends whatever the journal tells of. For a start only: a service that is in use since has
/// new things in memory, which are not to be forgotten.
pub(crate) async fn recover(
    inner: &Arc<Inner>,
    running: &mut Running,
) -> Result<(), RecoveryError> {
    decide_prepared(inner, running).await?;
    if running.journal.state() == Some(JournalState::Committed) {
        go_forward(inner, &mut running.journal).await;
    }
    Ok(())
}

/// Ends a reset of which it is not known whether it is committed. What a committed one has
/// left to do is carried along by the next one.
pub(crate) async fn decide_prepared(
    inner: &Arc<Inner>,
    running: &mut Running,
) -> Result<(), RecoveryError> {
    let journal = &mut running.journal;
    if journal.state() != Some(JournalState::Prepared) {
        // Nothing was moved before the journal said so.
        release(inner, running).await;
        return Ok(());
    }
    let Some(record) = journal.record().cloned() else {
        return Ok(());
    };
    let decision = decide(inner, &record).await?;
    let run = record.run;
    tracing::warn!(%run, ?decision, "ending an interrupted reset");
    match decision {
        Decision::Committed => {
            if let Err(error) = journal.commit().await {
                // Nothing is unlinked then; the next start tries again.
                tracing::warn!(%run, %error, "could not write down that it is committed");
            }
            // Behind a gate that was held since. Otherwise the service may have new things in
            // memory; what is left is carried along by the next reset.
            if running.held.is_some() {
                go_forward(inner, journal).await;
            }
        }
        Decision::Aborted => {
            // Without a database the name on the disk may still say that it is committed.
            if inner.database.is_none() {
                journal.prepare_again().await?;
            }
            let (data_directory, paths) = (inner.data_directory.clone(), record.paths);
            let staging = blocking(move || Staging::open(data_directory, run, paths)).await?;
            if let Some(staging) = staging {
                undo(Arc::new(staging)).await?;
            }
            journal.abort().await?;
            release(inner, running).await;
        }
    }
    running.held = None;
    Ok(())
}

/// Makes run again what an undone reset has stopped, and opens the gate.
async fn release(inner: &Inner, running: &mut Running) {
    if let Some(held) = running.held.take() {
        for problem in resume(inner, &held.stopped).await {
            tracing::error!(problem, "an undone reset has left something stopped");
        }
    }
}

async fn decide(inner: &Inner, record: &JournalRecord) -> Result<Decision, RecoveryError> {
    let actual = identity(inner);
    if record.database != actual {
        let name = |database: Option<String>| database.unwrap_or_else(|| "none".to_owned());
        return Err(RecoveryError::Journal(JournalError::OtherDatabase {
            recorded: name(record.database.clone()),
            actual: name(actual),
        }));
    }
    match &inner.database {
        Some(database) => Ok(database.decide(record.run).await?),
        None => Ok(Decision::Aborted),
    }
}

/// Which database this is: below the data directory by its path there, so that the directory
/// can be moved.
pub(crate) fn identity(inner: &Inner) -> Option<String> {
    let identity = inner.database.as_ref()?.identity();
    let below = Path::new(identity).strip_prefix(inner.data_directory.path());
    let below = below.ok().and_then(Path::to_str);
    Some(below.unwrap_or(identity).to_owned())
}

/// Puts everything back that is staged.
pub(crate) async fn undo(staging: Arc<Staging>) -> Result<(), PathError> {
    blocking(move || {
        staging.restore()?;
        staging.purge()
    })
    .await
}

async fn go_forward(inner: &Arc<Inner>, journal: &mut Journal) {
    let record = journal.record();
    let mut leftover = record.map(JournalRecord::leftover).unwrap_or_default();
    let mut pending = forget_all(inner, &mut leftover.forget).await;
    pending.extend(finish(inner, journal, leftover).await);
    for Pending { work, error } in pending {
        tracing::warn!(work, error, "a committed reset is still not finished");
    }
}

/// Lets the steps in `ids` forget. Those that cannot stay there, and are returned with the
/// reason; a step that there is no more has nothing to forget.
pub(crate) async fn forget_all(inner: &Inner, ids: &mut BTreeSet<String>) -> Vec<Pending> {
    let mut pending = Vec::new();
    for step in &inner.steps {
        let id = step.descriptor.id.as_str();
        if ids.contains(id)
            && let Err(error) = forget(inner, step).await
        {
            pending.push(Pending::new(id, &error));
        }
    }
    ids.retain(|id| pending.iter().any(|pending| pending.work == *id));
    pending
}

/// Does what is left after the Forget phase: freed pages are given back, what is staged is
/// purged, and the journal goes last. What cannot be done is returned, and stays in the
/// journal.
pub(crate) async fn finish(
    inner: &Inner,
    journal: &mut Journal,
    mut leftover: Leftover,
) -> Vec<Pending> {
    let mut pending = Vec::new();
    if std::mem::take(&mut leftover.reclaim)
        && let Some(database) = &inner.database
        && let Err(error) = database.reclaim().await
    {
        pending.push(Pending::new("reclaim", &error));
        leftover.reclaim = true;
    }
    if journal.state() == Some(JournalState::Prepared) {
        // The commit could not be written down: nothing may be unlinked yet.
        if let Err(error) = journal.keep(leftover).await {
            tracing::warn!(%error, "could not write down what is forgotten");
        }
        return pending;
    }
    for run in std::mem::take(&mut leftover.purge) {
        let data_directory = inner.data_directory.clone();
        if let Err(error) = blocking(move || purge(&data_directory, run)).await {
            pending.push(Pending::new("purge", &error));
            leftover.purge.push(run);
        }
    }
    if let Err(error) = journal.settle(leftover).await {
        pending.push(Pending::new("journal", &error));
    }
    pending
}

async fn forget(inner: &Inner, step: &StepRegistration) -> Result<(), StepError> {
    let descriptor = &step.descriptor;
    let limit = inner.limits.step;
    if descriptor.phase != Phase::Forget {
        let context = ForgetContext {
            descriptor,
            resources: &inner.resources,
        };
        return call(Call::Forget, descriptor, limit, step.step.forget(&context)).await;
    }
    let planned = planner::plan_step(inner, step, &Selection::all(), &Mutex::new(None), "")
        .await
        .map_err(StepError::other)?;
    let mut context = StepContext {
        descriptor,
        resources: &inner.resources,
        erase: None,
    };
    let work = step.step.apply(&mut context, &planned.plan);
    call(Call::Apply, descriptor, limit, work).await.map(drop)
}
