//! What comes before anything is moved.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Attempt, are_many, phase};
use crate::choice::Choice;
use crate::database::{Transaction, Way};
use crate::descriptor::{Phase, StepId};
use crate::engine::Running;
use crate::error::FailureCause;
use crate::history::Kept;
use crate::item::{Item, ItemKind, Outcome};
use crate::journal::JournalRecord;
use crate::plan::ResetPlan;
use crate::planner::{self, Carried, Setting};
use crate::recovery;
use crate::relative_path::RelativePath;
use crate::report::Report;
use crate::staging::{Slot, Staging};
use crate::surveys::Surveys;
use crate::task::blocking;

impl Attempt<'_> {
    /// In which way the database is emptied, as far as `plan` knows.
    pub(super) fn way(&self, plan: &ResetPlan) -> Way {
        match &plan.way {
            _ if self.is_restoration() => Way::clearing("a backup is put back"),
            Some(way) => way.clone(),
            None => Way::Clearing { because: None },
        }
    }

    /// Plans the steps that have files and no tables, before the database is locked: to count
    /// files takes the longer the more there are, and nobody is to wait for that who writes rows.
    /// The gate keeps the service's own writers from them meanwhile.
    ///
    /// Who waits at the gate does not wait for that either: where there are many files, the
    /// directories in `plan` are not counted once more before what is in them is staged. An obstacle
    /// that has come deep into one of them since is found by whoever unlinks it.
    pub(super) async fn survey(&mut self, plan: &ResetPlan) -> Result<Carried, FailureCause> {
        let mut choice = Choice::new(self.inner, &self.request.selection);
        choice.complete(self.inner);
        let mut carried = Carried {
            steps: self.stopped.clone(),
            surveys: Surveys::default(),
        };
        // A backup that was made meanwhile may have taken long.
        let is_fresh = self.request.backup.is_none() && !self.is_restoration();
        if are_many(plan) && is_fresh {
            carried.surveys = Surveys::since(plan.surveys.clone());
            self.counts_staged = true;
        }
        let setting = Setting {
            transaction: &Mutex::new(None),
            kept: &choice.kept,
            surveys: &carried.surveys,
        };
        for step in &self.inner.steps {
            if step.descriptor.phase != Phase::Stop
                && let Some(parts) = choice.parts_of(step.descriptor.id)
                && !parts.paths.is_empty()
                && parts.tables.is_empty()
            {
                let planning = planner::plan_step(self.inner, step, parts.clone(), &setting);
                carried.steps.push(self.unless_cancelled(planning).await?);
            }
        }
        Ok(carried)
    }

    /// Plans inside the transaction, and keeps the plans of what is `carried`. Where it turns out
    /// that a factory image cannot take the place of the database any more, one that clears takes
    /// the place of the transaction.
    pub(super) async fn plan_within(
        &self,
        transaction: &mut Option<Box<dyn Transaction>>,
        carried: &Carried,
    ) -> Result<ResetPlan, FailureCause> {
        let was_image = transaction.as_ref().and_then(|open| open.way_taken());
        let selection = &self.request.selection;
        let plan = planner::plan_within(self.inner, selection, transaction, carried).await?;
        let (Some(database), Some(way), Some(Way::FactoryImage)) =
            (&self.inner.database, &plan.way, was_image)
        else {
            return Ok(plan);
        };
        if *way == Way::FactoryImage {
            return Ok(plan);
        }
        if let Some(open) = transaction.take() {
            open.rollback().await?;
        }
        *transaction = Some(database.write(way).await?);
        Ok(planner::plan_within(self.inner, selection, transaction, carried).await?)
    }

    /// Whether the run leaves the service to whoever claims it first: a restoration only where the
    /// backup holds nothing that the owner could sign in with.
    fn hands_over(&self, plan: &ResetPlan) -> bool {
        #[cfg(feature = "backup")]
        if let (Some(restoration), Some(owner)) = (self.restoration, self.inner.owner_step) {
            return self.inner.hands_over(plan) && restoration.leaves_empty(owner);
        }
        self.inner.hands_over(plan)
    }

    /// Writes the journal and opens the staging area, before anything is moved.
    pub(super) async fn prepare(
        &mut self,
        running: &mut Running,
        plan: &ResetPlan,
    ) -> Result<Arc<Staging>, FailureCause> {
        let items = || phase(plan, Phase::Erase).flat_map(|planned| planned.plan.items());
        // Also what is absent: a writer may put something there before the commit.
        let goes = |item: &&Item| matches!(item.outcome, Outcome::Removed | Outcome::Absent);
        let slot = |path: RelativePath| Slot {
            stays: self.inner.ownership.stays(&path),
            path,
        };
        let paths: Vec<Slot> = items()
            .filter(|item| item.kind == ItemKind::Path)
            .filter(goes)
            .filter_map(|item| RelativePath::new(&item.name).ok())
            .map(slot)
            .collect();
        let rows = items().any(|item| item.kind == ItemKind::Table);
        let steps = plan.steps.iter();
        let parts = |id: StepId| {
            let selected = self.request.selection.parts_of(id.as_str());
            selected.unwrap_or_default().to_vec()
        };
        let steps = steps.map(|planned| planned.descriptor().id);
        let steps = steps.map(|id| (id.to_string(), parts(id)));
        let database = recovery::identity(self.inner);
        let mut report = Report::begun(plan, self.entry);
        report.expect(plan);
        report.duration_ms = self.progress.elapsed_ms();
        let kept = Kept::completed(self.entry, &report);
        let record = JournalRecord::new(&kept, database, paths.clone(), steps.collect(), rows);
        #[cfg(feature = "backup")]
        let record = match self.restoration {
            Some(_) => record.fills(),
            None => record,
        };
        let record = match self.counts_staged {
            true => record.uncounted(),
            false => record,
        };
        running.journal.begin(record).await?;
        if self.hands_over(plan) {
            let token = self.setup_token.take();
            self.inner.owner_proof.prepare(self.run, token).await?;
        }
        let (data_directory, run) = (self.inner.data_directory.clone(), self.run);
        let staging = blocking(move || Staging::create(data_directory, run, paths)).await?;
        Ok(self.staging.insert(Arc::new(staging)).clone())
    }
}
