//! Ends an interrupted reset: forward when its commit stands, back when it does not. Every
//! action tolerates that it was done already, so a recovery that is interrupted is simply run
//! again.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use crate::attempt::resume;
use crate::call::{Call, call};
use crate::context::{ForgetContext, StepContext};
use crate::data_directory::PathError;
use crate::database::Decision;
use crate::descriptor::{Phase, StepDescriptor};
use crate::engine::{Inner, Running, Stopped};
use crate::error::{RecoveryError, StepError, chain};
use crate::gate::ClosedGate;
use crate::history::{Kept, RunOutcome};
use crate::journal::{Journal, JournalError, JournalRecord, JournalState, Leftover};
use crate::planner;
use crate::recount;
use crate::registry::StepRegistration;
use crate::report::{JOURNAL, PURGE, Pending, RECLAIM, SWEEP};
use crate::reserve;
use crate::staging::{Counts, Staging, purge};
use crate::task::blocking;

/// What a committed reset has left to do that may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// All of it: nobody is served yet.
    All,
    /// Nothing that a service in use since may have filled anew, and wants to keep.
    WhileInUse,
}

/// Ends whatever the journal tells of. For a start only.
pub(crate) async fn recover(
    inner: &Arc<Inner>,
    running: &mut Running,
) -> Result<(), RecoveryError> {
    if running.journal.state().is_none() {
        // A crash may have come between the end of the journal and that of the history.
        let history = inner.history.clone();
        blocking(move || history.nothing_is_pending()).await;
        return Ok(());
    }
    let data_directory = inner.data_directory.clone();
    blocking(move || reserve::give_up_if_full(&data_directory)).await;
    decide_prepared(inner, running).await?;
    // What is still there is committed, even if that could not be written down.
    if running.journal.state().is_some() {
        go_forward(inner, &mut running.journal, Left::All).await;
    }
    Ok(())
}

/// Tries again, beside a service in use, what could not be done. Returns whether nothing is
/// left that could be tried like this.
pub(crate) async fn retry(inner: &Arc<Inner>, running: &mut Running) -> bool {
    let all_runs = match decide_prepared(inner, running).await {
        Ok(problems) => problems.is_empty(),
        Err(error) => {
            tracing::warn!(error = chain(&error), "a reset has still to be ended");
            return false;
        }
    };
    if running.journal.state().is_none() {
        return all_runs;
    }
    let gone = go_forward(inner, &mut running.journal, Left::WhileInUse).await;
    if running.journal.state().is_none() {
        return all_runs;
    }
    let rest = gone.leftover;
    let may_be_tried = |step: &StepRegistration| may_forget(step, Left::WhileInUse);
    let mut steps = inner.steps.iter().filter(|step| rest.forgets(step));
    all_runs
        && gone.is_written
        && rest.purge.is_empty()
        && !rest.reclaim
        && !steps.any(may_be_tried)
}

/// Ends a reset of which it is not known whether it is committed, and makes run again what an
/// undone one has stopped; what does not is returned. What a committed one has left to do is
/// carried along by the next one.
pub(crate) async fn decide_prepared(
    inner: &Arc<Inner>,
    running: &mut Running,
) -> Result<Vec<String>, RecoveryError> {
    let journal = &mut running.journal;
    let record = match (journal.state(), journal.record()) {
        (Some(JournalState::Prepared), Some(record)) => record.clone(),
        // Nothing was moved before the journal said so.
        _ => return Ok(release(inner, running).await),
    };
    let data_directory = inner.data_directory.clone();
    blocking(move || reserve::give_up_if_full(&data_directory)).await;
    let decision = decide(inner, &record).await?;
    let run = record.run;
    tracing::warn!(%run, ?decision, "ending an interrupted reset");
    match decision {
        Decision::Committed => {
            if let Err(error) = journal.commit().await {
                // Nothing is unlinked then; it is tried again.
                tracing::warn!(%run, error = chain(&error), "could not write down that it is committed");
            }
            // `settle` tries once more.
            if let Err(error) = inner.owner_proof.commit(run).await {
                tracing::warn!(%run, error = chain(&error), "could not write down that the owner has to prove");
            }
            // Behind a gate that was held since. Otherwise the service may have new things in
            // memory; what is left is carried along by the next reset.
            if running.gate.is_some() {
                go_forward(inner, journal, Left::All).await;
            }
            drop_stopped(inner, running, |step| record.selects(step)).await;
            Ok(release(inner, running).await)
        }
        Decision::Aborted => {
            // Without a database the name on the disk may still say that it is committed.
            if inner.database.is_none() {
                journal.prepare_again().await?;
            }
            if let Some(staging) = staging_of(inner, &record).await? {
                undo(Arc::new(staging)).await?;
            }
            note(inner, &record, RunOutcome::Failed, &[]).await;
            inner.owner_proof.undo(run).await?;
            journal.abort().await?;
            Ok(release(inner, running).await)
        }
    }
}

/// Opens the staging area of an interrupted reset, if it has come so far.
async fn staging_of(inner: &Inner, record: &JournalRecord) -> Result<Option<Staging>, PathError> {
    let data_directory = inner.data_directory.clone();
    let (run, paths) = (record.run, record.paths.clone());
    blocking(move || Staging::open(data_directory, run, paths)).await
}

/// Makes run again what undone resets have stopped, and opens the gate. Returns what does not
/// run; it is kept.
async fn release(inner: &Inner, running: &mut Running) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ended = Vec::new();
    for Stopped { run, steps } in std::mem::take(&mut running.stopped) {
        let stuck = resume(inner, &steps).await;
        if stuck.is_empty() {
            ended.push(run);
        }
        let (steps, stuck): (Vec<_>, Vec<_>) = stuck.into_iter().unzip();
        for problem in stuck {
            tracing::error!(%run, problem, "an undone reset has left something stopped");
            problems.push(problem);
        }
        running.keep_stopped(run, steps);
    }
    note_resumed(inner, ended).await;
    running.gate = None;
    problems
}

/// What a committed reset has stopped is not to run again, whoever has stopped it first.
pub(crate) async fn drop_stopped(
    inner: &Inner,
    running: &mut Running,
    is_selected: impl Fn(&StepDescriptor) -> bool,
) {
    note_resumed(inner, running.drop_stopped(is_selected)).await;
}

async fn note_resumed(inner: &Inner, runs: Vec<Uuid>) {
    for run in runs {
        let history = inner.history.clone();
        if let Err(error) = blocking(move || history.resumed(run)).await {
            tracing::warn!(%run, error = chain(&error), "could not write the history");
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

/// What [`go_forward`] has not done.
struct Gone {
    leftover: Leftover,
    /// Whether the journal says so.
    is_written: bool,
}

/// Does what a committed reset has left, and tells the history.
async fn go_forward(inner: &Arc<Inner>, journal: &mut Journal, left: Left) -> Gone {
    let Some(mut record) = journal.record().cloned() else {
        return Gone {
            leftover: Leftover::default(),
            is_written: true,
        };
    };
    let mut leftover = record.leftover();
    let mut pending = Vec::new();
    if !record.unswept().is_empty() {
        pending.extend(sweep(inner, &record, left).await);
    }
    pending.extend(forget_all(inner, &mut leftover.forget, left).await);
    if record.is_uncounted() {
        record = count_staged(inner, journal, record).await;
    }
    pending.extend(finish(inner, journal, &mut leftover, None).await);
    for Pending { work, error } in &pending {
        tracing::warn!(work, error, "a committed reset is still not finished");
    }
    note(inner, &record, RunOutcome::Completed, &pending).await;
    let written = settle(inner, journal, leftover.clone()).await;
    Gone {
        leftover,
        is_written: written.is_none(),
    }
}

/// Counts what is staged, which an interrupted reset has not come to. Returns what the journal
/// says then.
async fn count_staged(
    inner: &Inner,
    journal: &mut Journal,
    record: JournalRecord,
) -> JournalRecord {
    let counted = match staging_of(inner, &record).await {
        Ok(Some(staging)) => blocking(move || staging.count()).await,
        Ok(None) => Ok(Counts::default()),
        Err(error) => Err(error),
    };
    let mut entry = record.entry();
    match counted {
        Ok(counts) => {
            if let Some(report) = entry.as_mut().and_then(|entry| entry.report.as_mut()) {
                recount::recount(report, &counts, inner);
            }
        }
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "the files are told as they were planned"
            );
        }
    }
    if let Err(error) = journal.counted(entry.map(Kept::from).as_ref()).await {
        tracing::warn!(
            error = chain(&error),
            "could not write down what was counted"
        );
    }
    journal.record().cloned().unwrap_or(record)
}

/// Moves away what a writer has put back at a staged path before the crash, unless that was
/// done, or the service may have put something there since.
async fn sweep(inner: &Inner, record: &JournalRecord, left: Left) -> Option<Pending> {
    let swept = match staging_of(inner, record).await {
        Ok(Some(staging)) => {
            blocking(move || match staging.is_swept() {
                true => Ok(()),
                false if left == Left::All => staging.stage_again(),
                false => Err(PathError::LeftAlone),
            })
            .await
        }
        // Purged already, and so looked at before.
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    swept.err().map(|error| Pending::new(SWEEP, &error))
}

/// Lets the steps in `ids` forget. Those that cannot, or may not, stay there, and are returned
/// with the reason; a step that there is no more has nothing to forget.
async fn forget_all(
    inner: &Arc<Inner>,
    ids: &mut BTreeMap<String, Vec<String>>,
    left: Left,
) -> Vec<Pending> {
    let mut pending = Vec::new();
    for step in &inner.steps {
        let id = step.descriptor.id.as_str();
        let Some(parts) = ids.get(id) else {
            continue;
        };
        if !may_forget(step, left) {
            pending.push(Pending::later(id));
        } else if let Err(error) = forget(inner, step, parts).await {
            pending.push(Pending::new(id, &error));
        }
    }
    ids.retain(|id, _| pending.iter().any(|pending| pending.work == *id));
    pending
}

/// What a step of another phase keeps in memory is a copy of durable state, and by now perhaps
/// of a new one.
fn may_forget(step: &StepRegistration, left: Left) -> bool {
    let descriptor = &step.descriptor;
    left == Left::All || (descriptor.phase == Phase::Forget && descriptor.is_refillable)
}

/// Lets steps forget what earlier resets have left, before this one's do.
pub(crate) async fn forget_earlier(inner: &Arc<Inner>, leftover: &mut Leftover) -> Vec<Pending> {
    forget_all(inner, &mut leftover.forget, Left::All).await
}

/// Does what comes after the Forget phase: what is staged is purged, and freed pages are given
/// back. What cannot be done is returned, and stays in `leftover`.
///
/// A gate is opened when the purge takes longer than its patience: what is left then is nobody's
/// any more, and neither read nor written by anybody else.
pub(crate) async fn finish(
    inner: &Inner,
    journal: &mut Journal,
    leftover: &mut Leftover,
    gate: Option<(&mut ClosedGate, Duration)>,
) -> Vec<Pending> {
    let mut pending = Vec::new();
    let written = match journal.state() {
        Some(JournalState::Prepared) => journal.commit().await,
        _ => Ok(()),
    };
    match written {
        Ok(()) => {
            let mut purging = pin!(purge_all(inner, leftover.purge.clone()));
            let purged = match gate {
                None => purging.await,
                Some((gate, patience)) => match timeout(patience, &mut purging).await {
                    Ok(purged) => purged,
                    Err(_) => {
                        open(inner, journal, leftover, gate).await;
                        purging.await
                    }
                },
            };
            leftover.purge = purged.iter().map(|(run, _)| *run).collect();
            pending.extend(purged.into_iter().map(|(_, pending)| pending));
        }
        // That the commit stands is not written down: nothing may be unlinked yet.
        Err(error) => pending.push(Pending::new(JOURNAL, &error)),
    }
    // After the purge, which makes the room that this may need.
    pending.extend(reclaim(inner, leftover).await);
    pending
}

/// Opens `gate`, once nothing is left to do but to count and unlink what is staged, and that can be
/// written down. Returns whether it is open.
pub(crate) async fn open(
    inner: &Inner,
    journal: &mut Journal,
    leftover: &mut Leftover,
    gate: &mut ClosedGate,
) -> bool {
    if journal.state() != Some(JournalState::Committed) {
        return false;
    }
    // Behind the gate, where nobody keeps it waiting. It is tried again after the purge, which
    // makes room.
    if let Some(Pending { error, .. }) = reclaim(inner, leftover).await {
        tracing::debug!(error, "freed pages are given back after the purge");
    }
    // What the service puts at the cleared paths from here on is there to stay: a crash must find
    // that written down.
    match journal.settle(leftover.clone()).await {
        Ok(()) => {
            gate.open();
            true
        }
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "requests are held off until all is unlinked"
            );
            false
        }
    }
}

/// Unlinks what `runs` have staged. Returns those of which something is left.
async fn purge_all(inner: &Inner, runs: Vec<Uuid>) -> Vec<(Uuid, Pending)> {
    let mut left = Vec::new();
    for run in runs {
        let data_directory = inner.data_directory.clone();
        if let Err(error) = blocking(move || purge(&data_directory, run)).await {
            left.push((run, Pending::new(PURGE, &error)));
        }
    }
    left
}

/// Gives freed pages back, where that is left to do.
async fn reclaim(inner: &Inner, leftover: &mut Leftover) -> Option<Pending> {
    let is_wanted = std::mem::take(&mut leftover.reclaim);
    let database = inner.database.as_ref().filter(|_| is_wanted)?;
    let reclaimed = database.reclaim().await;
    leftover.reclaim = reclaimed.is_err();
    reclaimed.err().map(|error| Pending::new(RECLAIM, &error))
}

/// Writes down what is left; with nothing left the journal goes. What cannot be written down
/// is done again at the next start, and returned.
pub(crate) async fn settle(
    inner: &Inner,
    journal: &mut Journal,
    leftover: Leftover,
) -> Option<Pending> {
    let nothing_left = leftover == Leftover::default();
    // The journal is all that decides about what is not written down yet.
    if let Some(record) = journal.record()
        && let Err(error) = inner.owner_proof.commit(record.run).await
    {
        tracing::warn!(
            error = chain(&error),
            "could not write down that the owner has to prove"
        );
        return Some(Pending::new(JOURNAL, &error));
    }
    let settled = if journal.state() == Some(JournalState::Prepared) {
        journal.keep(leftover).await
    } else {
        journal.settle(leftover).await
    };
    if let Err(error) = settled {
        tracing::warn!(error = chain(&error), "could not write down what is left");
        return Some(Pending::new(JOURNAL, &error));
    }
    if nothing_left {
        let history = inner.history.clone();
        blocking(move || history.nothing_is_pending()).await;
    }
    None
}

/// Tells the history how an interrupted run has ended.
async fn note(inner: &Inner, record: &JournalRecord, outcome: RunOutcome, pending: &[Pending]) {
    let Some(entry) = record.entry() else {
        return;
    };
    let (history, pending, run) = (inner.history.clone(), pending.to_vec(), record.run);
    if let Err(error) = blocking(move || history.end(entry, outcome, &pending)).await {
        tracing::warn!(%run, error = chain(&error), "could not write the history");
    }
}

async fn forget(
    inner: &Arc<Inner>,
    step: &StepRegistration,
    parts: &[String],
) -> Result<(), StepError> {
    let descriptor = &step.descriptor;
    let limit = inner.limits.step;
    if descriptor.phase != Phase::Forget {
        let context = ForgetContext {
            descriptor,
            resources: &inner.resources,
        };
        return call(Call::Forget, descriptor, limit, step.step.forget(&context)).await;
    }
    let parts = (!parts.is_empty()).then_some(parts);
    let parts = inner.parts_of(step).narrowed(parts);
    let planned = planner::plan_alone(inner, step, parts)
        .await
        .map_err(StepError::other)?;
    let mut context = StepContext {
        run: None,
        descriptor,
        resources: &inner.resources,
        erase: None,
    };
    let work = step.step.apply(&mut context, &planned.plan);
    call(Call::Apply, descriptor, limit, work).await.map(drop)
}
