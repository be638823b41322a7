//! A backup that is being put back.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{Mode, mkdirat};
use rustix::io::Errno;

use crate::backup::BackupError;
use crate::bundle::{BundleError, SavedPath, SavedStep, SavedTable, Unpacked, unpack};
use crate::call::{Call, call};
use crate::context::EraseHandles;
use crate::data_directory::{DataDirectory, PathError, remove_tree};
use crate::database::Transaction;
use crate::descriptor::{Phase, Scope, StepId};
use crate::engine::Inner;
use crate::error::{FailureCause, StepError, chain};
use crate::item::{Item, ItemKind, Outcome};
use crate::plan::{PlannedStep, ResetPlan, StepOutcome};
use crate::registry::StepRegistration;
use crate::relative_path::RelativePath;
use crate::restore_context::RestoreContext;
use crate::saving;
use crate::secrets::{self, SECRETS};
use crate::selection::{Parts, Selection};
use crate::task::blocking;

/// Where, in the framework's own directory, a bundle is unpacked.
const UNPACKED: &str = "unpacked";

/// How much room is left free on the disk, in bytes.
const KEEP_FREE: u64 = 16 * 1024 * 1024;

/// A bundle, unpacked, found to be whole, and fit for what there is now.
#[derive(Debug)]
pub(crate) struct Restoration {
    pub(crate) unpacked: Arc<Unpacked>,
}

impl Restoration {
    /// Unpacks the backup `name` beside what is live, and checks everything that can be checked.
    pub(crate) async fn open(inner: &Arc<Inner>, name: &str) -> Result<Self, BackupError> {
        let (backups, bundle) = saving::place(inner, name)?;
        let data_directory = inner.data_directory.clone();
        let unpacked = blocking(move || -> Result<Unpacked, BackupError> {
            clear(&data_directory)?;
            let own = data_directory.own();
            let refuse = |action| PathError::io(action, own.path_of(UNPACKED));
            mkdirat(own, UNPACKED, Mode::RWXU).map_err(refuse("create"))?;
            let into = own.directory(UNPACKED)?;
            let into = into.ok_or_else(|| refuse("open")(Errno::NOENT))?;
            Ok(unpack(&backups, &bundle, into, KEEP_FREE)?)
        });
        let restoration = Self {
            unpacked: Arc::new(unpacked.await?),
        };
        restoration
            .check(inner)
            .await
            .map_err(|error| match error {
                Mismatch::Database(error) => error.into(),
                Mismatch::Reason(reason) => {
                    let name = name.to_owned();
                    BackupError::Unfit { name, reason }
                }
            })?;
        Ok(restoration)
    }

    /// What each step has saved.
    pub(crate) fn steps(&self) -> &[SavedStep] {
        &self.unpacked.manifest().contents
    }

    /// What `step` has saved.
    pub(crate) fn saved(&self, step: StepId) -> Option<&SavedStep> {
        let mut steps = self.steps().iter();
        steps.find(|saved| saved.id == step.as_str())
    }

    /// Whether the backup was made when there was nothing of `step`.
    pub(crate) fn leaves_empty(&self, step: StepId) -> bool {
        self.saved(step).is_some_and(|saved| {
            let has_rows = saved.tables.iter().any(|table| table.rows > 0);
            let has_files = saved.paths.iter().any(|path| path.there);
            !has_rows && !has_files
        })
    }

    /// What is to be replaced; with it everything stops that writes, and what only copies goes:
    /// of a cache that others share, where rows are put back.
    pub(crate) fn selection(&self, inner: &Inner) -> Selection {
        let has_rows = self.steps().iter().any(|saved| !saved.tables.is_empty());
        let ephemeral = |step: &StepRegistration| inner.ownership.divide(inner.parts_of(step)).1;
        let is_touched = |step: &&StepRegistration| {
            let descriptor = &step.descriptor;
            match descriptor.phase {
                Phase::Stop => true,
                Phase::Erase => self.saved(descriptor.id).is_some() || !ephemeral(step).is_empty(),
                Phase::Forget => {
                    descriptor.is_refillable && (has_rows || descriptor.scope == Scope::Process)
                }
            }
        };
        let touched: Vec<_> = inner.steps.iter().filter(is_touched).collect();
        let ids = touched.iter().map(|step| step.descriptor.id.as_str());
        // Of a step that the backup does not hold, only what every restore clears.
        let is_rotated = |step: &&&StepRegistration| {
            step.descriptor.phase == Phase::Erase && self.saved(step.descriptor.id).is_none()
        };
        let rotated = touched.iter().filter(is_rotated);
        rotated.fold(Selection::steps(ids), |selection, step| {
            let parts = ephemeral(step);
            let names: Vec<_> = parts.names().map(str::to_owned).collect();
            selection.only(step.descriptor.id.as_str(), names)
        })
    }

    /// The secrets that it holds, as parts of the step that saves them.
    pub(crate) fn secrets(&self, inner: &Inner) -> Option<Parts> {
        let saved = self.saved(SECRETS.descriptor.id)?;
        let is_kept = |path: &&SavedPath| !inner.ownership.is_ephemeral(ItemKind::Path, &path.name);
        let paths = saved.paths.iter().filter(is_kept);
        let paths = paths.filter_map(|path| RelativePath::new(&path.name).ok());
        Some(Parts {
            paths: paths.collect(),
            ..Parts::default()
        })
    }

    /// Lets a step put back what it has saved.
    pub(crate) async fn put_back(
        &self,
        inner: &Inner,
        planned: &PlannedStep,
        handles: &mut EraseHandles<'_>,
    ) -> Result<StepOutcome, StepError> {
        let descriptor = planned.descriptor();
        let mut items = rotate(planned, handles).await?;
        let Some(saved) = self.saved(descriptor.id) else {
            return Ok(StepOutcome::new(items));
        };
        let mut context = RestoreContext {
            descriptor,
            resources: &inner.resources,
            transaction: handles.transaction.as_deref_mut(),
            staging: handles.staging,
            unpacked: &self.unpacked,
            saved,
            ownership: &inner.ownership,
        };
        let work = planned.step().restore(&mut context);
        let restored = call(Call::Restore, descriptor, inner.limits.step, work).await?;
        items.extend(restored.into_items());
        Ok(StepOutcome::new(items))
    }

    /// Whether every step, table, column and path is what it was when the backup was made.
    async fn check(&self, inner: &Inner) -> Result<(), Mismatch> {
        let manifest = self.unpacked.manifest();
        let format = inner.database.as_ref().map(|database| database.format());
        if let Some(saved) = &manifest.database
            && Some(saved.as_str()) != format
        {
            let actual = format.unwrap_or("no");
            return Err(Mismatch::new(format!(
                "its rows are of a `{saved}` database, and this is a `{actual}` one"
            )));
        }
        for saved in self.steps() {
            let parts = if saved.id == secrets::ID {
                let paths = inner.secrets.clone();
                Parts {
                    paths,
                    ..Parts::default()
                }
            } else {
                let id = saved.id.as_str();
                let mut steps = inner.steps.iter();
                let step = steps.find(|step| step.descriptor.id.as_str() == id);
                let step = step.filter(|step| step.descriptor.phase == Phase::Erase);
                let step = step.ok_or_else(|| Mismatch::new(format!("there is no step `{id}`")))?;
                inner.parts_of(step)
            };
            // An older backup may hold what has become ephemeral since: it is skipped.
            let is_kept = |kind, name: &str| !inner.ownership.is_ephemeral(kind, name);
            let (parts, _) = inner.ownership.divide(parts);
            let tables = saved.tables.iter().map(|table| table.name.as_str());
            let tables = tables.filter(|table| is_kept(ItemKind::Table, table));
            compare("table", tables, parts.tables.iter().map(String::as_str))?;
            let paths = saved.paths.iter().map(|path| path.name.as_str());
            let paths = paths.filter(|path| is_kept(ItemKind::Path, path));
            compare("path", paths, parts.paths.iter().map(RelativePath::as_str))?;
        }
        if let Some(database) = &inner.database {
            let mut transaction = database.read().await?;
            let tables = self.steps().iter().flat_map(|step| &step.tables);
            let is_kept =
                |table: &&SavedTable| !inner.ownership.is_ephemeral(ItemKind::Table, &table.name);
            for table in tables.filter(is_kept) {
                if transaction.definition(&table.name).await? != table.definition {
                    let name = &table.name;
                    let reason = format!("table `{name}` has other columns than it had then");
                    transaction.rollback().await?;
                    return Err(Mismatch::new(reason));
                }
            }
            transaction.rollback().await?;
        }
        Ok(())
    }
}

/// Returns the ephemeral state of a step to its factory state, whatever the backup holds: its rows
/// are those of a fresh install, and nothing is at its paths.
async fn rotate(
    planned: &PlannedStep,
    handles: &mut EraseHandles<'_>,
) -> Result<Vec<Item>, StepError> {
    let ephemeral = planned.plan.items().iter().filter(|item| item.ephemeral);
    let items: Vec<Item> = ephemeral.cloned().collect();
    let is_table = |item: &&Item| item.kind == ItemKind::Table && item.outcome == Outcome::Removed;
    let tables: Vec<String> = items
        .iter()
        .filter(is_table)
        .map(|item| item.name.clone())
        .collect();
    if !tables.is_empty() {
        // The rows are gone by now, see `empty`; this inserts those of a fresh install.
        let transaction = handles.transaction.as_deref_mut();
        let transaction = transaction.ok_or(StepError::NoDatabase)?;
        transaction.clear(&tables).await?;
    }
    for item in items.iter().filter(|item| item.kind == ItemKind::Path) {
        let path = RelativePath::new(&item.name).map_err(StepError::other)?;
        let staging = handles.staging.clone();
        blocking(move || staging.take_away(&path)).await?;
    }
    Ok(items)
}

/// Takes out every row that is to be replaced: of all tables at once, for they may refer to each
/// other.
pub(crate) async fn empty(
    plan: &ResetPlan,
    transaction: &mut Option<Box<dyn Transaction>>,
) -> Result<(), FailureCause> {
    let erased = |planned: &&PlannedStep| planned.descriptor().phase == Phase::Erase;
    let steps = plan.steps.iter().filter(erased);
    let items = steps.flat_map(|planned| planned.plan.items());
    let is_there = |item: &&Item| item.kind == ItemKind::Table && item.outcome == Outcome::Removed;
    let tables: Vec<String> = items
        .filter(is_there)
        .map(|item| item.name.clone())
        .collect();
    if let (false, Some(transaction)) = (tables.is_empty(), transaction) {
        transaction.empty(&tables).await?;
    }
    Ok(())
}

/// Removes what a restoration has unpacked. Blocks.
pub(crate) fn clear(data_directory: &DataDirectory) -> Result<(), PathError> {
    let own = data_directory.own();
    match remove_tree(
        data_directory,
        own.as_fd(),
        UNPACKED,
        &own.path_of(UNPACKED),
    ) {
        Err(PathError::Io { source, .. })
            if source.raw_os_error() == Some(Errno::NOENT.raw_os_error()) =>
        {
            Ok(())
        }
        removed => removed,
    }
}

/// Removes what a crash in the middle of a backup, or of the unpacking of one, has left.
pub(crate) async fn clean(inner: &Inner) {
    let (data_directory, backups) = (inner.data_directory.clone(), inner.backups.clone());
    let cleaned = blocking(move || -> Result<(), BundleError> {
        clear(&data_directory)?;
        backups.map_or(Ok(()), |backups| backups.clean())
    });
    if let Err(error) = cleaned.await {
        tracing::warn!(
            error = chain(&error),
            "could not remove what an interrupted backup has left"
        );
    }
}

enum Mismatch {
    Database(crate::database::DatabaseError),
    Reason(String),
}

impl Mismatch {
    fn new(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<crate::database::DatabaseError> for Mismatch {
    fn from(error: crate::database::DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Restoring less than a step claims would leave rows of two times beside each other.
fn compare<'a>(
    kind: &str,
    saved: impl Iterator<Item = &'a str>,
    claimed: impl Iterator<Item = &'a str>,
) -> Result<(), Mismatch> {
    let (saved, claimed): (BTreeSet<_>, BTreeSet<_>) = (saved.collect(), claimed.collect());
    if let Some(name) = saved.difference(&claimed).next() {
        let reason = format!("it holds the {kind} `{name}`, which no step claims now");
        return Err(Mismatch::new(reason));
    }
    if let Some(name) = claimed.difference(&saved).next() {
        let reason = format!("it does not hold the {kind} `{name}`, which is claimed now");
        return Err(Mismatch::new(reason));
    }
    Ok(())
}
