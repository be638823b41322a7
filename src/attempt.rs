//! One attempt at a reset: a plan through the phases, and back where it fails.

mod preparation;
mod step;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::call::{Call, call};
use crate::context::{EraseHandles, ResumeContext};
use crate::database::{Decision, Transaction};
use crate::descriptor::Phase;
use crate::engine::{Inner, Running};
use crate::error::{FailureCause, RecoveryError, ResetError, chain};
use crate::event::{EventKind, Progress};
use crate::executor::record;
use crate::gate::ClosedGate;
use crate::history::{HistoryEntry, Kept};
use crate::journal::{Journal, JournalRecord};
use crate::owner_proof::StoredToken;
use crate::plan::{PlannedStep, ResetPlan};
use crate::planner::{self, Carried};
use crate::report::{Pending, Report, SWEEP, cleared};
use crate::request::ResetRequest;
use crate::staging::{Staging, purge};
use crate::task::blocking;
use crate::{recovery, reserve};
#[cfg(feature = "backup")]
use crate::{
    restoration::{self, Restoration},
    saving,
    secrets::SECRETS,
};

/// Why the commit was not reached.
pub(crate) enum Unfinished {
    /// It is certain that it was not.
    Failed(FailureCause),
    /// Nobody could say.
    Undecided(RecoveryError),
}

impl<E: Into<FailureCause>> From<E> for Unfinished {
    fn from(cause: E) -> Self {
        Self::Failed(cause.into())
    }
}

/// A reset under way, and what it takes to undo it.
pub(crate) struct Attempt<'a> {
    inner: &'a Arc<Inner>,
    request: &'a ResetRequest,
    progress: &'a Arc<Progress>,
    run: Uuid,
    entry: &'a HistoryEntry,
    report: Report,
    stopped: Vec<PlannedStep>,
    staging: Option<Arc<Staging>>,
    /// Whether the files are counted once they are staged, and the gate is open.
    counts_staged: bool,
    /// Becomes active at the commit.
    setup_token: Option<StoredToken>,
    /// What is put in the place of what goes.
    #[cfg(feature = "backup")]
    restoration: Option<&'a Restoration>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        inner: &'a Arc<Inner>,
        request: &'a ResetRequest,
        progress: &'a Arc<Progress>,
        entry: &'a HistoryEntry,
        plan: &ResetPlan,
    ) -> Self {
        Self {
            inner,
            request,
            progress,
            run: entry.id,
            entry,
            report: Report::begun(plan, entry),
            stopped: Vec::new(),
            staging: None,
            counts_staged: false,
            setup_token: None,
            #[cfg(feature = "backup")]
            restoration: None,
        }
    }

    /// Activates `token` at the commit, if the run hands the service over.
    pub(crate) fn activate(&mut self, token: Option<StoredToken>) {
        self.setup_token = token;
    }

    /// Puts what `restoration` holds in the place of what goes.
    #[cfg(feature = "backup")]
    pub(crate) fn restore(&mut self, restoration: &'a Restoration) {
        self.restoration = Some(restoration);
    }

    fn is_restoration(&self) -> bool {
        self.request.restore.is_some()
    }

    /// Stop, Erase, commit. Returns the plan that was applied: the one made inside the
    /// transaction.
    pub(crate) async fn until_commit(
        &mut self,
        running: &mut Running,
        plan: &ResetPlan,
    ) -> Result<ResetPlan, Unfinished> {
        for planned in phase(plan, Phase::Stop) {
            // Planned again behind the closed gate: what was started in between must be
            // stopped too, and run again if the reset is given up.
            let step = &planned.registration;
            let planned = planner::plan_alone(self.inner, step, self.inner.parts_of(step)).await?;
            self.stopped.push(planned.clone());
            self.apply_unless_cancelled(&planned, None).await?;
        }
        #[cfg(feature = "backup")]
        if let Some(name) = &self.request.backup {
            // Of what is cleared next, to the last row: nobody writes any more.
            let making = saving::first(self.inner, name, self.run, self.progress);
            self.unless_cancelled(making).await?;
            let name = name.clone();
            self.progress.send(EventKind::BackupMade { name });
        }
        let data_directory = self.inner.data_directory.clone();
        blocking(move || reserve::give_up_if_full(&data_directory)).await;
        let carried = self.survey(plan).await?;
        let mut transaction = match &self.inner.database {
            Some(database) => {
                self.unless_cancelled(database.prepare()).await?;
                let way = self.way(plan);
                Some(self.unless_cancelled(database.write(&way)).await?)
            }
            None => None,
        };
        let erased = self.erase(running, &mut transaction, &carried).await;
        match (erased, transaction) {
            (Ok(plan), Some(transaction)) => {
                self.commit(transaction).await?;
                Ok(plan)
            }
            (Ok(plan), None) => match running.journal.commit().await {
                Ok(()) => Ok(plan),
                // The journal's own name is the commit, and may have reached the disk.
                Err(error) => match running.journal.prepare_again().await {
                    Ok(()) => Err(error.into()),
                    Err(error) => Err(Unfinished::Undecided(error.into())),
                },
            },
            (Err(cause), transaction) => {
                if let Some(transaction) = transaction
                    && let Err(error) = transaction.rollback().await
                {
                    // Closing the connection has rolled back all the same.
                    tracing::warn!(error = chain(&error), "after a failed step");
                }
                Err(cause.into())
            }
        }
    }

    /// The Erase phase, inside the transaction.
    async fn erase(
        &mut self,
        running: &mut Running,
        transaction: &mut Option<Box<dyn Transaction>>,
        carried: &Carried,
    ) -> Result<ResetPlan, FailureCause> {
        // Every other writer is locked out from here on: the counts of rows are the exact ones.
        #[cfg_attr(
            not(feature = "backup"),
            expect(unused_mut, reason = "secrets come with backups")
        )]
        let mut plan = self.plan_within(transaction, carried).await?;
        if !plan.references.is_empty() && !self.is_restoration() {
            self.report.blockers.clone_from(&plan.blockers);
            return Err(FailureCause::References(plan.references));
        }
        let blockers = plan.obstacles(self.is_restoration());
        if !blockers.is_empty() {
            self.report.blockers.clone_from(&blockers);
            return Err(FailureCause::Blocked(blockers));
        }
        #[cfg(feature = "backup")]
        if let Some(parts) = self.restoration.and_then(|open| open.secrets(self.inner)) {
            let secrets = planner::plan_alone(self.inner, &SECRETS, parts).await?;
            plan.steps.push(secrets);
        }
        self.report.digest.clone_from(&plan.digest);
        self.report.database.clone_from(&plan.way);
        self.report.unclaimed.clone_from(&plan.unclaimed);
        let staging = self.prepare(running, &plan).await?;
        #[cfg(feature = "backup")]
        if self.restoration.is_some() {
            restoration::empty(&plan, transaction).await?;
        }
        for planned in phase(&plan, Phase::Erase) {
            let handles = EraseHandles {
                transaction: transaction.as_deref_mut(),
                staging: &staging,
                plan: &planned.plan,
            };
            self.apply_unless_cancelled(planned, Some(handles)).await?;
        }
        if let Some(transaction) = transaction {
            transaction.check().await?;
            if plan.way.is_some() {
                self.report.database = transaction.way_taken().or(plan.way.clone());
            }
        }
        // The last moment at which it can be given up.
        self.unless_cancelled(std::future::ready(Ok::<_, FailureCause>(plan)))
            .await
    }

    async fn commit(&self, transaction: Box<dyn Transaction>) -> Result<(), Unfinished> {
        let Err(error) = transaction.commit(self.run).await else {
            return Ok(());
        };
        let Some(database) = &self.inner.database else {
            return Err(error.into());
        };
        if error.is_rolled_back() {
            return Err(error.into());
        }
        tracing::warn!(
            error = chain(&error),
            "commit failed; asking the database what stands"
        );
        match database.decide(self.run).await {
            Ok(Decision::Committed) => Ok(()),
            Ok(Decision::Aborted) => Err(error.into()),
            Err(undecided) => Err(Unfinished::Undecided(undecided.into())),
        }
    }

    /// The Forget phase and the cleaning up. From here on the reset has happened: what fails
    /// is pending. Opens `gate` before much is unlinked.
    pub(crate) async fn after_commit(
        mut self,
        running: &mut Running,
        plan: &ResetPlan,
        gate: &mut ClosedGate,
    ) -> Report {
        self.progress.send(EventKind::Committed);
        // Before anything is unlinked the journal says so itself: a database restored from an
        // older backup would lead back to files that are gone. `finish` tries once more.
        if let Err(error) = running.journal.commit().await {
            tracing::warn!(
                error = chain(&error),
                "could not write down that it is committed"
            );
        }
        // Before anybody can claim the service. `settle` tries once more.
        if let Err(error) = self.inner.owner_proof.commit(self.run).await {
            tracing::warn!(
                error = chain(&error),
                "could not write down that the owner has to prove to be the owner"
            );
        }
        let mut pending = Vec::new();
        if let Some(staging) = self.staging.clone()
            // What is at the paths after a restoration is there to stay.
            && !self.is_restoration()
            && let Err(error) = blocking(move || staging.stage_again()).await
        {
            pending.push(Pending::new(SWEEP, &error));
        }
        let record = running.journal.record();
        let mut leftover = record
            .map(JournalRecord::leftover_beside_steps)
            .unwrap_or_default();
        for planned in &plan.steps {
            let id = planned.descriptor().id.as_str();
            // What an earlier reset has left of it may be more than this one clears.
            if self.request.selection.parts_of(id).is_none() {
                leftover.forget.remove(id);
            }
        }
        pending.extend(recovery::forget_earlier(self.inner, &mut leftover).await);
        for planned in &plan.steps {
            let result = match planned.descriptor().phase {
                Phase::Forget => self.apply(planned, None).await,
                // It runs again, see below.
                Phase::Stop if self.is_restoration() => Ok(()),
                Phase::Stop | Phase::Erase => self.forget(planned).await,
            };
            if let Err(error) = result {
                let id = planned.descriptor().id.as_str();
                pending.push(Pending::new(id, &error));
                let parts = self.request.selection.parts_of(id).unwrap_or_default();
                leftover.leave(id, parts);
            }
        }
        if self.is_restoration() {
            let stuck = resume(self.inner, &self.stopped).await;
            pending.extend(stuck.into_iter().map(|(planned, problem)| Pending {
                work: planned.descriptor().id.to_string(),
                error: problem,
            }));
        }
        let journal = &mut running.journal;
        let patience = patience(plan);
        let gate = if self.counts_staged {
            let is_open = recovery::open(self.inner, journal, &mut leftover, gate).await;
            self.count_staged(journal).await;
            (!is_open).then_some((gate, patience))
        } else {
            Some((gate, patience))
        };
        pending.extend(recovery::finish(self.inner, journal, &mut leftover, gate).await);
        self.report.cleared = cleared(&self.report.steps);
        self.report.settle(pending);
        self.report.duration_ms = self.progress.elapsed_ms();
        // Before the journal goes: from then on nothing else could tell of this run.
        self.tell_history().await;
        if let Some(pending) = recovery::settle(self.inner, &mut running.journal, leftover).await {
            self.report.pending.push(pending);
            self.tell_history().await;
        }
        self.report
    }

    /// Counts the files where nobody writes any more, before they are unlinked. What cannot be
    /// counted there is told as it was planned.
    async fn count_staged(&mut self, journal: &mut Journal) {
        let Some(staging) = self.staging.clone() else {
            return;
        };
        match blocking(move || staging.count()).await {
            Ok(counts) => {
                for step in &mut self.report.steps {
                    step.recount(&counts);
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "the files are told as they were planned"
                );
            }
        }
        self.report.cleared = cleared(&self.report.steps);
        self.report.duration_ms = self.progress.elapsed_ms();
        let kept = Kept::completed(self.entry, &self.report);
        if let Err(error) = journal.counted(Some(&kept)).await {
            tracing::warn!(
                error = chain(&error),
                "could not write down what was counted"
            );
            // What the history tells already, a start after a crash does not tell otherwise.
            self.tell_history().await;
        }
    }

    async fn tell_history(&mut self) {
        record(self.inner, Kept::completed(self.entry, &self.report)).await;
    }

    /// Puts the files back; the rows are back already. Touches no other reset's journal.
    pub(crate) async fn undo_files(&self, running: &mut Running) -> Result<(), RecoveryError> {
        self.progress.send(EventKind::Undoing);
        let is_ours = |record: &JournalRecord| record.run == self.run;
        if !running.journal.record().is_some_and(is_ours) {
            return Ok(());
        }
        match self.staging.clone() {
            Some(staging) => recovery::undo(staging).await?,
            None => {
                // It may be there, and could not be opened.
                let (data_directory, run) = (self.inner.data_directory.clone(), self.run);
                blocking(move || purge(&data_directory, run)).await?;
            }
        }
        self.inner.owner_proof.undo(self.run).await?;
        Ok(running.journal.abort().await?)
    }

    /// Makes what was stopped run again.
    pub(crate) async fn resume(mut self, running: &mut Running, cause: FailureCause) -> ResetError {
        let stuck = resume(self.inner, &self.stopped).await;
        if !stuck.is_empty() {
            let (steps, problems) = stuck.into_iter().unzip();
            running.keep_stopped(self.run, steps);
            return self.not_undone(cause, problems);
        }
        self.report.duration_ms = self.progress.elapsed_ms();
        let report = Box::new(self.report);
        ResetError::Failed { cause, report }
    }

    /// Rows and files may not fit together: nobody gets in, and nothing runs, until that is
    /// mended.
    pub(crate) fn hold(&mut self, running: &mut Running, gate: ClosedGate) {
        running.gate = Some(gate);
        running.keep_stopped(self.run, std::mem::take(&mut self.stopped));
    }

    pub(crate) fn not_undone(mut self, cause: FailureCause, undone: Vec<String>) -> ResetError {
        self.report.duration_ms = self.progress.elapsed_ms();
        let report = Box::new(self.report);
        ResetError::NotUndone {
            cause,
            undone,
            report,
        }
    }

    pub(crate) fn undecided(mut self, cause: RecoveryError) -> ResetError {
        self.report.duration_ms = self.progress.elapsed_ms();
        let report = Box::new(self.report);
        ResetError::Undecided { cause, report }
    }
}

/// Makes what was stopped run again, the last one first. Returns what did not, and why.
pub(crate) async fn resume(inner: &Inner, stopped: &[PlannedStep]) -> Vec<(PlannedStep, String)> {
    let mut problems = Vec::new();
    for planned in stopped.iter().rev() {
        let context = ResumeContext {
            descriptor: planned.descriptor(),
            resources: &inner.resources,
        };
        let work = planned.step().resume(&context, &planned.plan);
        let limit = inner.limits.step;
        if let Err(error) = call(Call::Resume, planned.descriptor(), limit, work).await {
            let id = planned.descriptor().id;
            let problem = format!("step `{id}` did not resume: {}", chain(&error));
            problems.push((planned.clone(), problem));
        }
    }
    // In the order in which they were stopped, for the next time.
    problems.reverse();
    problems
}

/// How many files are counted and unlinked while the gate is closed, so that nothing that was
/// accepted before the answer survives: it takes some 0.1 ms for each (`benches/run --only gate`).
/// Other requests are not held off by a greater number of them.
const FEW_FILES: u64 = 1000;

/// Whether `plan` removes so many files that nobody is to wait for them.
fn are_many(plan: &ResetPlan) -> bool {
    let (files, _) = plan.files();
    files > FEW_FILES
}

/// How long a closed gate waits until the few files that `plan` has staged are unlinked: not at
/// all where they are large.
fn patience(plan: &ResetPlan) -> Duration {
    const FEW_BYTES: u64 = 1 << 30;
    /// For what the plan does not tell: directories, and what earlier resets have left.
    const PATIENCE: Duration = Duration::from_secs(5);

    let (files, bytes) = plan.files();
    if files <= FEW_FILES && bytes <= FEW_BYTES {
        PATIENCE
    } else {
        Duration::ZERO
    }
}

fn phase(plan: &ResetPlan, phase: Phase) -> impl Iterator<Item = &PlannedStep> {
    plan.steps
        .iter()
        .filter(move |planned| planned.descriptor().phase == phase)
}
