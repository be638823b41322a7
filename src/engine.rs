//! The front door: plan, reset, recover, gate, events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;
use uuid::Uuid;

#[cfg(feature = "backup")]
use crate::backup::{Backup, BackupError, BackupRequest, RestoreRequest};
use crate::builder::EngineBuilder;
#[cfg(feature = "backup")]
use crate::bundle::Backups;
use crate::claims::Ownership;
use crate::data_directory::DataDirectory;
use crate::database::{Database, KeptRows};
use crate::descriptor::{Phase, StepDescriptor, StepId};
use crate::error::{PlanError, RecoveryError, ResetError};
use crate::event::EventId;
use crate::event_log::{EventLog, Events};
use crate::gate::{ClosedGate, Gate};
use crate::guard::Guard;
use crate::history::{History, HistoryEntry};
use crate::journal::Journal;
use crate::options::Options;
use crate::owner_proof::OwnerProof;
use crate::plan::{PlannedStep, ResetPlan};
use crate::plan_queue::PlanQueue;
use crate::registry::StepRegistration;
#[cfg(feature = "backup")]
use crate::relative_path::RelativePath;
use crate::report::Report;
use crate::request::{Confirmation, ResetRequest};
use crate::resources::Resources;
#[cfg(feature = "backup")]
use crate::saving;
use crate::selection::{Parts, Selection};
#[cfg(feature = "backup")]
use crate::task::blocking;
use crate::task::spawn;
use crate::{executor, planner, recovery};

/// Plans and runs the resets of one host. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

/// What an engine is made of.
pub(crate) struct Inner {
    /// In the order in which they are applied.
    pub(crate) steps: Vec<StepRegistration>,
    pub(crate) resources: Resources,
    pub(crate) ownership: Ownership,
    /// What of each step can be selected by itself, by the step's id.
    pub(crate) parts: BTreeMap<&'static str, Parts>,
    pub(crate) database: Option<Box<dyn Database>>,
    pub(crate) data_directory: Arc<DataDirectory>,
    pub(crate) kept_rows: Vec<KeptRows>,
    /// Preserved paths that only some backups hold.
    #[cfg(feature = "backup")]
    pub(crate) secrets: Vec<RelativePath>,
    #[cfg(feature = "backup")]
    pub(crate) backups: Option<Backups>,
    pub(crate) confirmation: Option<String>,
    pub(crate) guards: Vec<Box<dyn Guard>>,
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) events: Arc<EventLog>,
    /// The previews of callers.
    pub(crate) plans: PlanQueue,
    /// Those who listen to events over HTTP.
    #[cfg(feature = "axum")]
    pub(crate) listeners: Arc<tokio::sync::Semaphore>,
    /// Calls over HTTP that run, or wait for their repeat to end.
    #[cfg(feature = "axum")]
    pub(crate) runs: Arc<tokio::sync::Semaphore>,
    pub(crate) history: Arc<History>,
    pub(crate) owner_proof: OwnerProof,
    /// The step that clears what the owner signs in with.
    pub(crate) owner_step: Option<StepId>,
    /// The run that was ended when the engine was built.
    pub(crate) recovered: OnceLock<Uuid>,
    /// What repeated requests are answered.
    #[cfg(feature = "axum")]
    pub(crate) answers: crate::http::Answers,
    /// Locked by the reset that runs: there is one at a time.
    pub(crate) turn: Arc<Mutex<()>>,
    /// Locked by whoever works with the journal: that reset, or what is tried again in the
    /// background.
    pub(crate) running: Mutex<Running>,
}

/// What belongs to the one reset that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) journal: Journal,
    /// Kept closed by a reset that could be neither finished nor undone.
    pub(crate) gate: Option<ClosedGate>,
    /// What undone resets have stopped, and does not run again yet.
    pub(crate) stopped: Vec<Stopped>,
    /// Tries again in the background what is left.
    pub(crate) retry: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn new(journal: Journal) -> Self {
        Self {
            journal,
            gate: None,
            stopped: Vec::new(),
            retry: None,
        }
    }

    /// Whether earlier resets have left nothing to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.gate.is_none() && self.stopped.is_empty() && self.journal.state().is_none()
    }

    /// Keeps what the reset `run` has stopped.
    pub(crate) fn keep_stopped(&mut self, run: Uuid, steps: Vec<PlannedStep>) {
        if !steps.is_empty() {
            self.stopped.push(Stopped { run, steps });
        }
    }

    /// What a reset has stopped that is committed is not to run again. Returns the runs of
    /// which nothing is left to run.
    pub(crate) fn drop_stopped(
        &mut self,
        is_selected: impl Fn(&StepDescriptor) -> bool,
    ) -> Vec<Uuid> {
        let mut ended = Vec::new();
        self.stopped.retain_mut(|Stopped { run, steps }| {
            steps.retain(|planned| !is_selected(planned.descriptor()));
            if steps.is_empty() {
                ended.push(*run);
            }
            !steps.is_empty()
        });
        ended
    }
}

/// What a reset has stopped, to run again when it is undone.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) run: Uuid,
    pub(crate) steps: Vec<PlannedStep>,
}

/// How long the engine waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For requests under way to end.
    pub(crate) drain: Duration,
    /// For a step of the Stop phase to stop what runs.
    pub(crate) stop: Duration,
    /// For the database to do what it does at once.
    pub(crate) database: Duration,
    /// For one call of a step.
    pub(crate) step: Duration,
}

impl Engine {
    /// Begins the building of an engine.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::new()
    }

    /// What `selection` would clear now. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the selection names what is not there, a step cannot count, or too many plans are
    /// being made already ([`PlanError::Busy`]).
    pub async fn plan(&self, selection: &Selection) -> Result<ResetPlan, PlanError> {
        let turn = self.inner.plans.turn().await.ok_or(PlanError::Busy)?;
        planner::plan_in_turn(&self.inner, selection, Some(turn)).await
    }

    /// Resets what `request` selects, all or nothing, and tells exactly what it did.
    ///
    /// The reset runs in a task of its own: dropping the future does not stop it.
    ///
    /// # Errors
    ///
    /// When it is refused, or something failed before the commit: then everything is as
    /// before, and what was stopped runs again. See [`ResetError`].
    pub async fn reset(&self, request: ResetRequest) -> Result<Report, ResetError> {
        let (report, gate) = self.reset_behind_gate(request).await?;
        drop(gate);
        Ok(report)
    }

    /// Like [`reset`](Self::reset), but leaves the gate closed until the returned guard is
    /// dropped: a host that keeps it until its answer is sent lets nobody write anything
    /// before the caller can know that the reset is over. Over HTTP, put it into the answer
    /// with [`answer_behind_gate`](crate::http::answer_behind_gate) (feature `axum`).
    ///
    /// Where more than a thousand files or a gibibyte have to be unlinked, nobody is held off
    /// meanwhile: the gate is open then once the reset is committed, the Forget phase is over and
    /// the database has given freed pages back, and the report comes when all is unlinked.
    ///
    /// # Errors
    ///
    /// As [`reset`](Self::reset); then the gate is open, unless the error says otherwise.
    pub async fn reset_behind_gate(
        &self,
        request: ResetRequest,
    ) -> Result<(Report, ClosedGate), ResetError> {
        let turn = self.turn_for(&request);
        spawn(executor::run(self.inner.clone(), turn, request)).await
    }

    /// The runs of the past without their reports, the newest first: also refused, failed and recovered ones. The
    /// last 200 are kept, refused ones the shortest.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryEntry> {
        self.inner.history.all()
    }

    /// One run of the past.
    #[must_use]
    pub fn history_entry(&self, run: Uuid) -> Option<HistoryEntry> {
        self.inner.history.find(run)
    }

    /// The interrupted run that the building of this engine has ended, as the history tells of it
    /// now: finished where its outcome is [`Completed`](crate::RunOutcome::Completed), undone
    /// otherwise.
    #[must_use]
    pub fn recovered(&self) -> Option<HistoryEntry> {
        let run = self.inner.recovered.get()?;
        self.history_entry(*run)
    }

    /// Whether the owner has proven to be the owner since the last reset that handed the service
    /// over: see [`EngineBuilder::owner_step`](crate::EngineBuilder::owner_step).
    #[must_use]
    pub fn owner_proof(&self) -> OwnerProof {
        self.inner.owner_proof.clone()
    }

    /// Makes a backup, without stopping the service.
    ///
    /// # Errors
    ///
    /// When its name is taken or cannot be one, something cannot be read, or the disk is full;
    /// then there is no backup. See [`BackupError`].
    #[cfg(feature = "backup")]
    pub async fn backup(&self, request: BackupRequest) -> Result<Backup, BackupError> {
        let turn = self.take_turn().map_err(|_| BackupError::Busy)?;
        let inner = self.inner.clone();
        spawn(async move {
            let _turn = turn;
            saving::live(&inner, &request).await
        })
        .await
    }

    /// The backups that there are, the newest first.
    ///
    /// # Errors
    ///
    /// When their directory cannot be read.
    #[cfg(feature = "backup")]
    pub async fn backups(&self) -> Result<Vec<Backup>, BackupError> {
        let backups = self.inner.backups.clone().ok_or(BackupError::Nowhere)?;
        let bundles = blocking(move || backups.list()).await?;
        Ok(bundles.into_iter().map(Backup::from).collect())
    }

    /// Removes the backup `name`.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be removed.
    #[cfg(feature = "backup")]
    pub async fn remove_backup(&self, name: &str) -> Result<(), BackupError> {
        let (backups, name) = saving::place(&self.inner, name)?;
        Ok(blocking(move || backups.remove(&name)).await?)
    }

    /// Puts back exactly what a backup holds, all or nothing, in the way of a reset; what it
    /// does not hold stays as it is. Leaves the gate closed like
    /// [`reset_behind_gate`](Self::reset_behind_gate).
    ///
    /// # Errors
    ///
    /// As a reset; [`ResetError::Backup`] when the backup cannot be restored. Nothing is lost.
    #[cfg(feature = "backup")]
    pub async fn restore_behind_gate(
        &self,
        request: RestoreRequest,
    ) -> Result<(Report, ClosedGate), ResetError> {
        let request = request.into_reset();
        let turn = self.turn_for(&request);
        spawn(executor::run(self.inner.clone(), turn, request)).await
    }

    /// Ends a reset that could be neither finished nor undone ([`ResetError::Undecided`],
    /// [`ResetError::NotUndone`]): finishes or undoes it, lets run again what was stopped, and
    /// opens the gate. It is also tried in the background, by the next reset and at the next
    /// start; nothing happens when there is nothing to end.
    ///
    /// # Errors
    ///
    /// When a reset is running, or what stood in the way still does.
    pub async fn recover(&self) -> Result<(), ResetError> {
        let turn = self.take_turn()?;
        let inner = self.inner.clone();
        spawn(async move {
            let _turn = turn;
            let mut running = inner.running.lock().await;
            match recovery::decide_prepared(&inner, &mut running).await? {
                problems if problems.is_empty() => Ok(()),
                problems => Err(RecoveryError::NotResumed(problems).into()),
            }
        })
        .await
    }

    /// Whoever has confirmed nothing takes no turn.
    fn turn_for(&self, request: &ResetRequest) -> Result<OwnedMutexGuard<()>, ResetError> {
        let confirmed = match &request.confirmation {
            Confirmation::None => false,
            Confirmation::Phrase(phrase) => self.inner.confirmation.as_ref() == Some(phrase),
            Confirmation::Explicit => true,
        };
        if confirmed {
            self.take_turn()
        } else {
            Err(ResetError::Confirmation)
        }
    }

    /// The lock that makes a reset the only one.
    fn take_turn(&self) -> Result<OwnedMutexGuard<()>, ResetError> {
        let turn = self.inner.turn.clone().try_lock_owned();
        turn.map_err(|_| ResetError::AlreadyRunning)
    }

    /// The gate, to be laid over the host's routes as a layer.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn gate(&self) -> crate::http::GateLayer {
        crate::http::GateLayer::new(self.inner.gate.clone())
    }

    /// The gate itself, for work that writes and is no HTTP request.
    #[must_use]
    pub fn gate_handle(&self) -> Gate {
        self.inner.gate.clone()
    }

    /// The events of all runs from now on. A listener that is slow or goes away changes
    /// nothing for them.
    #[must_use]
    pub fn events(&self) -> Events {
        self.inner.events.from_now()
    }

    /// The events after `last`, the last one that a listener has seen; without it, or when it is
    /// not known any more, those of the run that is under way from its beginning.
    #[must_use]
    pub fn events_after(&self, last: Option<EventId>) -> Events {
        self.inner.events.after(last)
    }

    /// Ends every [`Events`] once it has told what has happened: for a host that shuts down.
    pub fn end_events(&self) {
        self.inner.events.end();
    }

    /// Everything that can be reset now, and what may be chosen of it. Changes nothing.
    ///
    /// # Errors
    ///
    /// When a step, the database or the data directory cannot tell.
    pub async fn options(&self) -> Result<Options, PlanError> {
        let plan = self.plan(&Selection::all()).await?;
        Ok(Options::new(&self.inner, &plan))
    }

    /// The phrase that confirms a reset, if the host has set one.
    #[must_use]
    pub fn confirmation(&self) -> Option<&str> {
        self.inner.confirmation.as_deref()
    }

    /// The steps in the order in which they are applied.
    pub fn steps(&self) -> impl Iterator<Item = &StepDescriptor> {
        self.inner.steps.iter().map(|step| &step.descriptor)
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.inner.data_directory.path()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("data_dir", &self.data_dir())
            .field("steps", &self.inner.steps)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// What of `step` can be selected by itself.
    pub(crate) fn parts_of(&self, step: &StepRegistration) -> Parts {
        let parts = self.parts.get(step.descriptor.id.as_str());
        parts.cloned().unwrap_or_default()
    }

    /// Whether a run of `plan` leaves the service to whoever claims it first.
    pub(crate) fn hands_over(&self, plan: &ResetPlan) -> bool {
        let mut steps = plan.steps.iter().map(PlannedStep::descriptor);
        match self.owner_step {
            Some(owner) => steps.any(|step| step.id == owner),
            // Another host of this directory knows which step it is; here it may be any of them.
            None => self.owner_proof.is_in_use() && steps.any(|step| step.phase == Phase::Erase),
        }
    }

    /// Which step claims `table`.
    pub(crate) fn owner_of(&self, table: &str) -> Option<StepId> {
        let claims = |step: &&StepRegistration| {
            let parts = self.parts.get(step.descriptor.id.as_str());
            parts.is_some_and(|parts| parts.tables.iter().any(|own| own == table))
        };
        let owner = self.steps.iter().find(claims);
        owner.map(|step| step.descriptor.id)
    }
}
