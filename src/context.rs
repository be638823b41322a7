//! What a step's methods are given.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use crate::data_directory::{DataDirectory, PathError};
use crate::database::Transaction;
use crate::descriptor::StepDescriptor;
use crate::error::StepError;
use crate::item::{Item, ItemKind, Outcome};
use crate::plan::{StepOutcome, StepPlan};
use crate::relative_path::RelativePath;
use crate::resources::Resources;
use crate::selection::Parts;
use crate::staging::Staging;
use crate::surveys::Surveys;
use crate::task::blocking;

/// The transaction that a plan is made in, shared by the contexts of all steps.
pub(crate) type SharedTransaction = Mutex<Option<Box<dyn Transaction>>>;

/// What [`ResetStep::plan`](crate::ResetStep::plan) is given.
pub struct PlanContext<'a> {
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
    pub(crate) data_directory: &'a Arc<DataDirectory>,
    pub(crate) transaction: &'a SharedTransaction,
    /// What is asked for.
    pub(crate) parts: Parts,
    /// How many rows of a table stay.
    pub(crate) kept: &'a BTreeMap<String, u64>,
    pub(crate) surveys: &'a Surveys,
}

impl PlanContext<'_> {
    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none; naming `T` in the descriptor's `requires` tells so when
    /// the engine is built.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }

    /// The tables that this step claims and the selection asks for.
    #[must_use]
    pub fn tables(&self) -> &[String] {
        &self.parts.tables
    }

    /// The paths that this step claims and the selection asks for.
    #[must_use]
    pub fn paths(&self) -> &[RelativePath] {
        &self.parts.paths
    }

    /// The beginnings of the keys that this step claims and the selection asks for.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.parts.keys
    }

    /// A plan of everything that this step claims: each table with its rows, each path with
    /// its files and bytes, and what of it cannot be removed.
    ///
    /// Where more than a thousand files go, directories that the reset's own plan has counted are
    /// not counted once more, but in the staging area once the gate is open again: the report
    /// tells of what went, whatever was written after the first count.
    ///
    /// # Errors
    ///
    /// When a table cannot be counted, or a path cannot be read.
    pub async fn plan_claims(&self) -> Result<StepPlan, StepError> {
        let mut items = Vec::with_capacity(self.tables().len() + self.paths().len());
        let mut fingerprints = Vec::new();
        let mut blockers = Vec::new();
        if !self.tables().is_empty() {
            let mut transaction = self.transaction.lock().await;
            let transaction = transaction.as_mut().ok_or(StepError::NoDatabase)?;
            fingerprints.push(transaction.fingerprint(self.tables()).await?);
            let there = transaction.tables().await?;
            for table in self.tables() {
                items.push(if there.contains(table) {
                    let kept = self.kept.get(table).copied().unwrap_or_default();
                    let rows = transaction.count(table).await?;
                    Item::removed(ItemKind::Table, table, rows).kept(kept)
                } else {
                    Item::absent(ItemKind::Table, table)
                });
            }
        }
        for path in self.paths() {
            let survey = self.surveys.survey(self.data_directory, path).await?;
            blockers.extend(survey.blockers);
            items.push(if survey.there {
                fingerprints.push(format!("{:x}", survey.fingerprint));
                Item::removed(ItemKind::Path, path.as_str(), survey.files).bytes(survey.bytes)
            } else {
                Item::absent(ItemKind::Path, path.as_str())
            });
        }
        let mut plan = StepPlan::new(items).fingerprint(fingerprints.join(" "));
        blockers.into_iter().for_each(|blocker| plan.block(blocker));
        Ok(plan)
    }
}

/// What [`ResetStep::apply`](crate::ResetStep::apply) is given.
pub struct StepContext<'a> {
    pub(crate) run: Option<Uuid>,
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
    /// Both only in the Erase phase.
    pub(crate) erase: Option<EraseHandles<'a>>,
}

/// The two handles through which durable state goes.
pub(crate) struct EraseHandles<'a> {
    pub(crate) transaction: Option<&'a mut (dyn Transaction + 'static)>,
    pub(crate) staging: &'a Arc<Staging>,
    /// The step's own plan: it removes nothing else.
    pub(crate) plan: &'a StepPlan,
}

impl StepContext<'_> {
    /// The id of the run, as the history has it; none for work that earlier runs have left.
    #[must_use]
    pub fn run(&self) -> Option<Uuid> {
        self.run
    }

    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }

    /// The open transaction of the reset, one for all steps. A step that deletes by SQL of its
    /// own names the tables as items of its plan, for freed pages are given back, and so
    /// deleted rows made unreadable, only when there is such an item.
    ///
    /// # Errors
    ///
    /// Outside the Erase phase, and on a host without a database.
    pub fn transaction(&mut self) -> Result<&mut (dyn Transaction + 'static), StepError> {
        let erase = self.erase.as_mut().ok_or(StepError::NotErasing)?;
        erase
            .transaction
            .as_deref_mut()
            .ok_or(StepError::NoDatabase)
    }

    /// Removes a path that the plan names: moves it into the staging area, from which it
    /// comes back if the reset is given up. Returns `false` when there is nothing.
    ///
    /// # Errors
    ///
    /// Outside the Erase phase, for a path that the plan does not name, and when the
    /// operating system refuses.
    pub async fn remove(&mut self, path: &RelativePath) -> Result<bool, StepError> {
        let erase = self.erase.as_ref().ok_or(StepError::NotErasing)?;
        let is_planned = |item: &Item| item.kind == ItemKind::Path && item.name == path.as_str();
        if !erase.plan.items().iter().any(is_planned) {
            return Err(PathError::NotPlanned(path.to_string()).into());
        }
        let (staging, path) = (erase.staging.clone(), path.clone());
        Ok(blocking(move || staging.stage(&path)).await?)
    }

    /// Clears every table and removes every path in `plan`; other items are reported as
    /// planned.
    ///
    /// # Errors
    ///
    /// Outside the Erase phase, where a step has to implement its own `apply`; when the
    /// database or the operating system refuses.
    pub async fn clear_claims(&mut self, plan: &StepPlan) -> Result<StepOutcome, StepError> {
        if self.erase.is_none() && !plan.items().is_empty() {
            return Err(StepError::NotErasing);
        }
        let is_there = |item: &&Item| item.outcome == Outcome::Removed;
        let planned = |kind| plan.items().iter().filter(move |item| item.kind == kind);
        let tables: Vec<String> = planned(ItemKind::Table)
            .filter(is_there)
            .map(|item| item.name.clone())
            .collect();
        let mut rows = if tables.is_empty() {
            Vec::new()
        } else {
            self.transaction()?.clear(&tables).await?
        }
        .into_iter();
        let mut outcome = Vec::with_capacity(plan.items().len());
        for item in plan.items() {
            let mut item = item.clone();
            if is_there(&&item) {
                match item.kind {
                    ItemKind::Table => item.count = rows.next().unwrap_or_default(),
                    ItemKind::Path => {
                        let path = RelativePath::new(&item.name).map_err(StepError::other)?;
                        if !self.remove(&path).await? {
                            item = Item::absent(ItemKind::Path, item.name);
                        }
                    }
                    _ => {}
                }
            }
            outcome.push(item);
        }
        Ok(StepOutcome::new(outcome))
    }
}

/// What [`ResetStep::resume`](crate::ResetStep::resume) is given.
pub struct ResumeContext<'a> {
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
}

impl ResumeContext<'_> {
    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }
}

/// What [`ResetStep::forget`](crate::ResetStep::forget) is given.
pub struct ForgetContext<'a> {
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
}

impl ForgetContext<'_> {
    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }
}

pub(crate) fn resource<'a, T: Send + Sync + 'static>(
    resources: &'a Resources,
    descriptor: &StepDescriptor,
) -> Result<&'a T, StepError> {
    resources.get().ok_or_else(|| StepError::MissingResource {
        step: descriptor.id,
        resource: std::any::type_name::<T>(),
    })
}
