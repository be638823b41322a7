//! Runs a plan through the phases.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::call::{Call, call};
use crate::context::{EraseHandles, ForgetContext, StepContext};
use crate::database::{DatabaseError, Decision, Transaction};
use crate::descriptor::Phase;
use crate::engine::{Held, Inner, Running};
use crate::error::{FailureCause, ResetError, StepError, chain};
use crate::event::{EventKind, Progress};
use crate::item::{ItemKind, Outcome};
use crate::journal::{JournalRecord, JournalState};
use crate::plan::{PlannedStep, ResetPlan, StepOutcome};
use crate::planner;
use crate::recovery::{self, finish};
use crate::relative_path::RelativePath;
use crate::report::{Pending, Report, StepReport, cleared};
use crate::request::ResetRequest;
use crate::staging::Staging;
use crate::task::blocking;

/// Runs one reset to its end. The caller holds the lock that makes it the only one.
pub(crate) async fn run(
    inner: Arc<Inner>,
    mut running: OwnedMutexGuard<Running>,
    request: ResetRequest,
) -> Result<Report, ResetError> {
    let run = Uuid::now_v7();
    let progress = Progress::new(inner.events.clone(), run);
    progress.send(EventKind::ResetStarted);
    let result = reset(&inner, &mut running, &request, run, &progress).await;
    match &result {
        Ok(report) => {
            tracing::info!(%run, duration_ms = report.duration_ms, pending = report.pending.len(),
                cleared = %serde_json::Value::Object(report.cleared.clone()), "reset finished");
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

async fn reset(
    inner: &Arc<Inner>,
    running: &mut Running,
    request: &ResetRequest,
    run: Uuid,
    progress: &Progress,
) -> Result<Report, ResetError> {
    let unfinished = recovery::recover(inner, running).await?;
    if !unfinished.is_empty() {
        return Err(ResetError::Unfinished(unfinished));
    }

    let plan = planner::plan(inner, &request.selection).await?;
    if request
        .digest
        .as_deref()
        .is_some_and(|digest| digest != plan.digest())
    {
        let digest = plan.digest;
        return Err(ResetError::Changed { digest });
    }
    for guard in &inner.guards {
        guard
            .check(request, &plan)
            .await
            .map_err(|source| ResetError::Guard {
                guard: guard.name(),
                source,
            })?;
    }

    progress.send(EventKind::Planned {
        steps: plan.steps.len(),
    });
    let Some(closed) = inner.gate.close(inner.limits.drain).await else {
        return Err(ResetError::Drain(inner.limits.drain));
    };
    progress.send(EventKind::Drained);

    let mut report = Report::new(&plan);
    report.run = Some(run);
    report.dry_run = false;
    report.actor.clone_from(&request.actor);
    let mut attempt = Attempt {
        inner,
        request,
        progress,
        run,
        report,
        stopped: Vec::new(),
        staging: None,
    };
    let until_commit = attempt.until_commit(running, &plan).await;
    let stopped = attempt.stopped.clone();
    let result = match until_commit {
        Ok(plan) => Ok(attempt.after_commit(running, &plan).await),
        Err(Unfinished::Failed(cause)) => Err(attempt.undo(running, cause).await),
        Err(Unfinished::Undecided(cause)) => Err(attempt.undecided(cause)),
    };
    if matches!(
        result,
        Err(ResetError::NotUndone { .. } | ResetError::Undecided { .. })
    ) && running.journal.record().is_some()
    {
        // Rows and files may not fit together: nobody gets in until that is mended.
        running.held = Some(Held {
            _gate: closed,
            stopped,
        });
    }
    result
}

/// Why the commit was not reached.
enum Unfinished {
    /// It is certain that it was not.
    Failed(FailureCause),
    /// The database could not say.
    Undecided(DatabaseError),
}

impl<E: Into<FailureCause>> From<E> for Unfinished {
    fn from(cause: E) -> Self {
        Self::Failed(cause.into())
    }
}

/// A reset under way, and what it takes to undo it.
struct Attempt<'a> {
    inner: &'a Arc<Inner>,
    request: &'a ResetRequest,
    progress: &'a Progress,
    run: Uuid,
    report: Report,
    stopped: Vec<PlannedStep>,
    staging: Option<Arc<Staging>>,
}

impl Attempt<'_> {
    /// Stop, Erase, commit. Returns the plan that was applied: the one made inside the
    /// transaction.
    async fn until_commit(
        &mut self,
        running: &mut Running,
        plan: &ResetPlan,
    ) -> Result<ResetPlan, Unfinished> {
        for planned in phase(plan, Phase::Stop) {
            // Planned again behind the closed gate: what was started in between must be
            // stopped too, and run again if the reset is given up.
            let (step, selection) = (&planned.registration, &self.request.selection);
            let planned =
                planner::plan_step(self.inner, step, selection, &Mutex::new(None), "").await?;
            self.stopped.push(planned.clone());
            self.apply(&planned, None).await?;
        }

        let database = self.inner.database.as_ref();
        let transaction = match database {
            Some(database) => Some(database.write().await?),
            None => None,
        };
        // Every other writer is locked out from here on: these counts are the exact ones.
        let version = planner::version(self.inner).await?;
        let (plan, mut transaction) = planner::plan_within(
            self.inner,
            &self.request.selection,
            transaction,
            &version,
            &self.stopped,
        )
        .await?;
        if self
            .request
            .digest
            .as_deref()
            .is_some_and(|digest| digest != plan.digest())
        {
            let digest = plan.digest;
            return Err(FailureCause::Changed { digest }.into());
        }
        self.report.digest.clone_from(&plan.digest);
        self.report.unclaimed.clone_from(&plan.unclaimed);

        let staging = self.prepare(running, &plan).await?;
        let erased = self
            .erase(&plan, &staging, transaction.as_deref_mut())
            .await;
        match (erased, transaction) {
            (Ok(()), Some(transaction)) => self.commit(transaction).await?,
            (Ok(()), None) => running.journal.advance(JournalState::Committed).await?,
            (Err(cause), transaction) => {
                if let Some(transaction) = transaction
                    && let Err(error) = transaction.rollback().await
                {
                    // Closing the connection has rolled back all the same.
                    tracing::warn!(error = chain(&error), "after a failed step");
                }
                return Err(cause.into());
            }
        }
        self.progress.send(EventKind::Committed);
        Ok(plan)
    }

    /// Writes the journal and opens the staging area, before anything is moved.
    async fn prepare(
        &mut self,
        running: &mut Running,
        plan: &ResetPlan,
    ) -> Result<Arc<Staging>, FailureCause> {
        let paths: Vec<RelativePath> = phase(plan, Phase::Erase)
            .flat_map(|planned| planned.plan.items())
            .filter(|item| item.kind == ItemKind::Path && item.outcome == Outcome::Removed)
            .filter_map(|item| RelativePath::new(&item.name).ok())
            .collect();
        let steps = plan
            .steps
            .iter()
            .map(|planned| planned.descriptor().id.to_string());
        let database = self.inner.database.as_ref();
        let identity = database.map(|database| database.identity().to_owned());
        let record = JournalRecord::new(self.run, identity, paths.clone(), steps.collect());
        running.journal.begin(record).await?;
        let (data_directory, run) = (self.inner.data_directory.clone(), self.run);
        let staging = blocking(move || Staging::open(data_directory, run, paths)).await?;
        Ok(self.staging.insert(Arc::new(staging)).clone())
    }

    async fn erase(
        &mut self,
        plan: &ResetPlan,
        staging: &Arc<Staging>,
        mut transaction: Option<&mut (dyn Transaction + 'static)>,
    ) -> Result<(), FailureCause> {
        for planned in phase(plan, Phase::Erase) {
            let transaction = transaction.as_deref_mut();
            let handles = EraseHandles {
                transaction,
                staging,
            };
            self.apply(planned, Some(handles)).await?;
        }
        if let Some(transaction) = transaction {
            transaction.check().await?;
        }
        Ok(())
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
            Err(undecided) => Err(Unfinished::Undecided(undecided)),
        }
    }

    /// The Forget phase and the cleaning up. From here on the reset has happened: what fails
    /// is pending.
    async fn after_commit(mut self, running: &mut Running, plan: &ResetPlan) -> Report {
        // Before anything is unlinked the journal says so itself: a database restored from an
        // older backup would lead back to files that are gone.
        if let Err(error) = running.journal.advance(JournalState::Committed).await {
            self.pending("journal", &error);
        }
        if let Some(staging) = self.staging.clone()
            && let Err(error) = blocking(move || staging.stage_again()).await
        {
            self.pending("purge", &error);
        }
        let mut forgotten = true;
        for planned in &plan.steps {
            let result = if planned.descriptor().phase == Phase::Forget {
                self.apply(planned, None).await
            } else {
                self.forget(planned).await
            };
            if let Err(error) = result {
                forgotten = false;
                self.pending(planned.descriptor().id.as_str(), &error);
            }
        }
        let staging = self.staging.take();
        let pending = finish(self.inner, &mut running.journal, staging, forgotten).await;
        self.report.pending.extend(pending);
        self.report.cleared = cleared(&self.report.steps);
        self.report.duration_ms = self.progress.elapsed_ms();
        self.report
    }

    fn pending(&mut self, work: &str, error: &(dyn std::error::Error + 'static)) {
        self.report.pending.push(Pending::new(work, error));
    }

    async fn apply(
        &mut self,
        planned: &PlannedStep,
        erase: Option<EraseHandles<'_>>,
    ) -> Result<(), FailureCause> {
        let descriptor = planned.descriptor();
        let (id, phase) = (descriptor.id, descriptor.phase);
        self.progress
            .send(EventKind::StepStarted { step: id, phase });
        let mut context = StepContext {
            descriptor,
            resources: &self.inner.resources,
            erase,
        };
        let limit = self.inner.limits.step;
        let work = planned.step().apply(&mut context, &planned.plan);
        let result: Result<StepOutcome, StepError> =
            call(Call::Apply, descriptor, limit, work).await;
        match result {
            Ok(outcome) => {
                let items = outcome.into_items();
                let removed = items.iter().filter(|item| item.outcome == Outcome::Removed);
                let removed = removed.count();
                self.progress
                    .send(EventKind::StepFinished { step: id, removed });
                self.report.steps.push(StepReport::new(descriptor, items));
                Ok(())
            }
            Err(source) => {
                let message = chain(&source);
                let items = planned.plan.items().iter().cloned();
                let failed = items.map(|item| item.failed(&message)).collect();
                self.report.steps.push(StepReport::new(descriptor, failed));
                Err(FailureCause::Step { step: id, source })
            }
        }
    }

    async fn forget(&self, planned: &PlannedStep) -> Result<(), FailureCause> {
        let context = ForgetContext {
            descriptor: planned.descriptor(),
            resources: &self.inner.resources,
        };
        let work = planned.step().forget(&context);
        call(
            Call::Forget,
            planned.descriptor(),
            self.inner.limits.step,
            work,
        )
        .await
        .map_err(|source| FailureCause::Step {
            step: planned.descriptor().id,
            source,
        })
    }

    /// Puts everything back: files, then tasks. The rows are back already.
    async fn undo(mut self, running: &mut Running, cause: FailureCause) -> ResetError {
        self.progress.send(EventKind::Undoing);
        let mut problems = Vec::new();
        let is_ours = |record: &JournalRecord| record.run == self.run;
        if running.journal.record().is_some_and(is_ours)
            && let Err(error) = self.undo_files(running).await
        {
            problems.push(chain(&error));
        }
        problems.extend(resume(self.inner, &self.stopped).await);
        self.report.duration_ms = self.progress.elapsed_ms();
        let report = Box::new(self.report);
        match (cause, problems.is_empty()) {
            (FailureCause::Changed { digest }, true) => ResetError::Changed { digest },
            (cause, true) => ResetError::Failed { cause, report },
            (cause, false) => ResetError::NotUndone {
                cause,
                undone: problems,
                report,
            },
        }
    }

    async fn undo_files(&self, running: &mut Running) -> Result<(), crate::error::RecoveryError> {
        // Without a database the journal's own record is the commit, and the error may have
        // come after it had reached the disk.
        if self.inner.database.is_none() {
            running.journal.advance(JournalState::Prepared).await?;
        }
        if let Some(staging) = self.staging.clone() {
            blocking(move || {
                staging.restore()?;
                staging.purge()
            })
            .await?;
        }
        Ok(running.journal.end().await?)
    }

    fn undecided(mut self, cause: DatabaseError) -> ResetError {
        self.report.duration_ms = self.progress.elapsed_ms();
        let report = Box::new(self.report);
        ResetError::Undecided { cause, report }
    }
}

/// Makes what was stopped run again, the last one first. Returns what did not.
pub(crate) async fn resume(inner: &Inner, stopped: &[PlannedStep]) -> Vec<String> {
    let mut problems = Vec::new();
    for planned in stopped.iter().rev() {
        let context = ForgetContext {
            descriptor: planned.descriptor(),
            resources: &inner.resources,
        };
        let work = planned.step().resume(&context, &planned.plan);
        let limit = inner.limits.step;
        if let Err(error) = call(Call::Resume, planned.descriptor(), limit, work).await {
            let id = planned.descriptor().id;
            problems.push(format!("step `{id}` did not resume: {}", chain(&error)));
        }
    }
    problems
}

fn phase(plan: &ResetPlan, phase: Phase) -> impl Iterator<Item = &PlannedStep> {
    plan.steps
        .iter()
        .filter(move |planned| planned.descriptor().phase == phase)
}
