//! The front door: plan, reset, recover, gate, events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};

use crate::builder::EngineBuilder;
use crate::claims::Ownership;
use crate::data_directory::DataDirectory;
use crate::database::Database;
use crate::descriptor::StepDescriptor;
use crate::error::{PlanError, ResetError};
use crate::event::Event;
use crate::gate::{Closed, Gate};
use crate::guard::Guard;
use crate::journal::Journal;
use crate::plan::{PlannedStep, ResetPlan};
use crate::registry::StepRegistration;
use crate::report::Report;
use crate::request::{Confirmation, ResetRequest};
use crate::resources::Resources;
use crate::selection::Selection;
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
    pub(crate) database: Option<Box<dyn Database>>,
    pub(crate) data_directory: Arc<DataDirectory>,
    pub(crate) confirmation: Option<String>,
    pub(crate) guards: Vec<Box<dyn Guard>>,
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) events: broadcast::Sender<Event>,
    /// Locked by the reset that runs: there is one at a time.
    pub(crate) running: Arc<Mutex<Running>>,
}

/// What belongs to the one reset that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) journal: Journal,
    /// Left by a reset that could be neither finished nor undone.
    pub(crate) held: Option<Held>,
}

/// What a reset keeps that could be neither finished nor undone.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) _gate: Closed,
    /// What runs again if it turns out to be undone.
    pub(crate) stopped: Vec<PlannedStep>,
}

/// How long the engine waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For requests under way to end.
    pub(crate) drain: Duration,
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
    /// When the selection names what is not there, or a step cannot count.
    pub async fn plan(&self, selection: &Selection) -> Result<ResetPlan, PlanError> {
        planner::plan(&self.inner, selection).await
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
        let confirmed = match &request.confirmation {
            Confirmation::None => false,
            Confirmation::Phrase(phrase) => self.inner.confirmation.as_ref() == Some(phrase),
            Confirmation::Explicit => true,
        };
        if !confirmed {
            return Err(ResetError::Confirmation);
        }
        let running = self.take_turn()?;
        spawn(executor::run(self.inner.clone(), running, request)).await
    }

    /// Ends a reset that could be neither finished nor undone ([`ResetError::Undecided`],
    /// [`ResetError::NotUndone`]): finishes or undoes it, lets run again what was stopped, and
    /// opens the gate. The next reset and the next start do so too; nothing happens when there
    /// is nothing to end.
    ///
    /// # Errors
    ///
    /// When a reset is running, or what stood in the way still does.
    pub async fn recover(&self) -> Result<(), ResetError> {
        let mut running = self.take_turn()?;
        let inner = self.inner.clone();
        Ok(spawn(async move { recovery::decide_prepared(&inner, &mut running).await }).await?)
    }

    /// The lock that makes a reset the only one.
    fn take_turn(&self) -> Result<OwnedMutexGuard<Running>, ResetError> {
        let turn = self.inner.running.clone().try_lock_owned();
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

    /// The events of all resets from now on. A listener that is slow or goes away changes
    /// nothing for the reset.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
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
    /// The tables and paths of each step, by the step's id.
    pub(crate) fn parts(&self) -> BTreeMap<&str, Vec<String>> {
        let parts = |step: &StepRegistration| {
            let id = step.descriptor.id;
            let paths = self.ownership.paths_of(id).into_iter().map(String::from);
            (
                id.as_str(),
                self.tables_of(step).into_iter().chain(paths).collect(),
            )
        };
        self.steps.iter().map(parts).collect()
    }

    /// The tables that `step` claims.
    pub(crate) fn tables_of(&self, step: &StepRegistration) -> Vec<String> {
        let none = std::collections::BTreeSet::new();
        let migrated = self
            .database
            .as_ref()
            .map_or(&none, |database| database.migrated_tables());
        self.ownership.tables_of(step.descriptor.id, migrated)
    }
}
