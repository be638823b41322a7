//! Makes a backup.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::backup::{Backup, BackupError, BackupRequest};
use crate::bundle::{Backups, BundleError, BundleName, BundleWriter, SavedStep};
use crate::call::{Call, call};
use crate::data_directory::PathError;
use crate::database::{Reference, Tally, Transaction};
use crate::descriptor::{Category, Phase};
use crate::engine::Inner;
use crate::error::{StepError, chain};
use crate::event::{EventKind, Progress};
use crate::meter::{self, Subject};
use crate::registry::StepRegistration;
use crate::relative_path::RelativePath;
use crate::save_context::SaveContext;
use crate::secrets::SECRETS;
use crate::selection::Parts;
use crate::task::blocking;

/// How often files may change under the reader before the service has to hold still.
const LIVE_ATTEMPTS: usize = 3;

/// Makes the backup that `request` asks for, while the service is in use, and tells of it.
pub(crate) async fn live(
    inner: &Arc<Inner>,
    request: &BackupRequest,
) -> Result<Backup, BackupError> {
    let progress = Arc::new(Progress::new(inner.events.clone(), Uuid::now_v7()));
    let name = request.name.clone();
    progress.send(EventKind::BackupStarted { name });
    let work = beside_others(inner, request, &progress);
    let made = request.cancellation.run_until_cancelled(work).await;
    let made = made.unwrap_or(Err(BackupError::Cancelled));
    progress.send(match &made {
        Ok(backup) => EventKind::BackupFinished {
            name: backup.name.clone(),
        },
        Err(error) => EventKind::BackupFailed {
            error: chain(error),
        },
    });
    made
}

async fn beside_others(
    inner: &Arc<Inner>,
    request: &BackupRequest,
    progress: &Arc<Progress>,
) -> Result<Backup, BackupError> {
    let (backups, name) = new_place(inner, &request.name)?;
    made_by(&backups, &name, None).await?;
    let steps = chosen(inner, request)?;
    let attempt = || {
        let tally = meter::rows(progress, Subject::Backup, None);
        attempt(inner, &backups, &name, &steps, None, tally)
    };
    for _ in 0..LIVE_ATTEMPTS {
        match attempt().await {
            Err(BackupError::Changing(path)) => {
                tracing::info!(path, "it changed while it was saved: once more");
            }
            result => return result,
        }
    }
    let Some(_closed) = inner.gate.close(inner.limits.drain).await else {
        return Err(BackupError::Drain);
    };
    attempt().await
}

/// Makes the backup that comes before the run `run`, which has closed the gate.
pub(crate) async fn first(
    inner: &Arc<Inner>,
    name: &str,
    run: Uuid,
    progress: &Arc<Progress>,
) -> Result<Backup, BackupError> {
    let request = BackupRequest::new(name);
    let (backups, name) = new_place(inner, name)?;
    if let Some(made) = made_by(&backups, &name, Some(run)).await? {
        return Ok(made);
    }
    let steps = chosen(inner, &request)?;
    let tally = meter::rows(progress, Subject::Backup, None);
    attempt(inner, &backups, &name, &steps, Some(run), tally).await
}

/// Checks, before anything is done, whether a backup called `name` could be made for `run`.
pub(crate) async fn check(inner: &Inner, name: &str, run: Uuid) -> Result<(), BackupError> {
    let (backups, name) = new_place(inner, name)?;
    made_by(&backups, &name, Some(run)).await.map(drop)
}

/// Where backups lie, and the name of one that is to be made.
fn new_place(inner: &Inner, name: &str) -> Result<(Backups, BundleName), BackupError> {
    let (backups, _) = place(inner, name)?;
    let name = BundleName::for_new_backup(name).map_err(|_| BackupError::Name(name.to_owned()))?;
    Ok((backups, name))
}

/// Where backups lie, and the name of one.
pub(crate) fn place(inner: &Inner, name: &str) -> Result<(Backups, BundleName), BackupError> {
    let backups = inner.backups.clone().ok_or(BackupError::Nowhere)?;
    let name = BundleName::new(name).map_err(|_| BackupError::Name(name.to_owned()))?;
    Ok((backups, name))
}

/// A reset that is asked for a second time finds the backup that it has made the first time.
async fn made_by(
    backups: &Backups,
    name: &BundleName,
    run: Option<Uuid>,
) -> Result<Option<Backup>, BackupError> {
    let (backups, wanted) = (backups.clone(), name.clone());
    match blocking(move || backups.find(&wanted)).await {
        Err(BundleError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(found) => match &found.manifest {
            Some(manifest) if run.is_some() && manifest.run == run => Ok(Some(found.into())),
            _ => Err(BackupError::Exists(name.to_string())),
        },
    }
}

/// A step that is to save.
struct Saver {
    step: StepRegistration,
    /// What it claims, without what is ephemeral.
    parts: Parts,
    /// What of its claims no backup holds.
    ephemeral: Vec<String>,
}

/// The steps that are to save: those with files first, for these may change under the reader.
fn chosen(inner: &Inner, request: &BackupRequest) -> Result<Vec<Saver>, BackupError> {
    let is_included = |category: Option<Category>| match &request.include {
        None => true,
        Some(included) => category.is_some_and(|category| included.contains(&category)),
    };
    let mut chosen: Vec<_> = inner
        .steps
        .iter()
        .filter(|step| step.descriptor.phase == Phase::Erase)
        .filter(|step| is_included(inner.ownership.category_of(step.descriptor.id)))
        .map(|step| {
            let (parts, ephemeral) = inner.ownership.divide(inner.parts_of(step));
            Saver {
                step: *step,
                parts,
                ephemeral: ephemeral.names().map(str::to_owned).collect(),
            }
        })
        .collect();
    let asked_for_secrets = request.include.is_some() && is_included(Some(Category::Config));
    if asked_for_secrets && !inner.secrets.is_empty() {
        let paths = inner.secrets.clone();
        let parts = Parts {
            paths,
            ..Parts::default()
        };
        chosen.push(Saver {
            step: SECRETS,
            parts,
            ephemeral: Vec::new(),
        });
    }
    let has_nothing = |saver: &Saver| saver.parts.is_empty() && !saver.ephemeral.is_empty();
    if chosen.iter().all(has_nothing) {
        let wanted = request.include.iter().flatten();
        let wanted: Vec<_> = wanted.map(|category| category.as_str()).collect();
        return Err(BackupError::Nothing(wanted.join(", ")));
    }
    chosen.sort_by_key(|saver| saver.parts.paths.is_empty());
    Ok(chosen)
}

/// What is at the paths does not change from before the snapshot of the database is opened until
/// it is saved: so both are of one moment.
async fn attempt(
    inner: &Arc<Inner>,
    backups: &Backups,
    name: &BundleName,
    steps: &[Saver],
    run: Option<Uuid>,
    tally: Tally,
) -> Result<Backup, BackupError> {
    let fingerprints = survey(inner, steps).await?;
    let mut transaction = match &inner.database {
        Some(database) => Some(database.read().await?),
        None => None,
    };
    if let Some(transaction) = &mut transaction {
        // A snapshot is of the moment of its first use.
        transaction.tables().await?;
        transaction.tally(Some(tally));
    }
    let saved = match refuse_references(inner, steps, &mut transaction).await {
        Ok(()) => save(inner, backups, name, steps, &fingerprints, &mut transaction).await,
        Err(error) => Err(error),
    };
    if let Some(transaction) = transaction {
        transaction.rollback().await?;
    }
    let (writer, contents) = saved?;
    let format = inner.database.as_ref().map(|database| database.format());
    let has_tables = contents.iter().any(|step| !step.tables.is_empty());
    let format = format.filter(|_| has_tables).map(str::to_owned);
    let made = blocking(move || writer.finish(run, format, contents)).await?;
    Ok(made.into())
}

/// Refuses rows that refer to ephemeral rows, because a restore without the latter would fail.
async fn refuse_references(
    inner: &Inner,
    steps: &[Saver],
    transaction: &mut Option<Box<dyn Transaction>>,
) -> Result<(), BackupError> {
    let ephemeral = inner.ownership.ephemeral_tables();
    let (false, Some(transaction)) = (ephemeral.is_empty(), transaction) else {
        return Ok(());
    };
    let is_saved = |reference: &Reference| {
        let mut tables = steps.iter().flat_map(|saver| &saver.parts.tables);
        tables.any(|table| *table == reference.table)
    };
    let references = transaction.references(&ephemeral).await?;
    match references.into_iter().find(is_saved) {
        Some(reference) => Err(BackupError::RefersToEphemeral {
            table: reference.table,
            ephemeral: reference.parent,
            rows: reference.rows,
        }),
        None => Ok(()),
    }
}

async fn survey(inner: &Inner, steps: &[Saver]) -> Result<BTreeMap<RelativePath, u128>, PathError> {
    let mut fingerprints = BTreeMap::new();
    for path in steps.iter().flat_map(|saver| &saver.parts.paths) {
        let (data_directory, here) = (inner.data_directory.clone(), path.clone());
        let survey = blocking(move || data_directory.survey(&here)).await?;
        fingerprints.insert(path.clone(), survey.fingerprint);
    }
    Ok(fingerprints)
}

async fn save(
    inner: &Arc<Inner>,
    backups: &Backups,
    name: &BundleName,
    steps: &[Saver],
    fingerprints: &BTreeMap<RelativePath, u128>,
    transaction: &mut Option<Box<dyn Transaction>>,
) -> Result<(BundleWriter, Vec<SavedStep>), BackupError> {
    let (directory, wanted) = (backups.clone(), name.clone());
    let writer = blocking(move || BundleWriter::create(&directory, &wanted)).await?;
    let mut writer = Some(writer);
    let mut contents = Vec::new();
    for Saver {
        step,
        parts,
        ephemeral,
    } in steps
    {
        let descriptor = &step.descriptor;
        let mut context = SaveContext {
            descriptor,
            resources: &inner.resources,
            data_directory: &inner.data_directory,
            transaction: &mut *transaction,
            writer: &mut writer,
            parts: parts.clone(),
            fingerprints,
            saved: SavedStep {
                id: descriptor.id.to_string(),
                label: descriptor.label.to_owned(),
                ephemeral: ephemeral.clone(),
                ..SavedStep::default()
            },
            changed: None,
        };
        let work = step.step.save(&mut context);
        let result = call(Call::Save, descriptor, inner.limits.step, work).await;
        if let Some(path) = context.changed {
            return Err(BackupError::Changing(path));
        }
        result.map_err(|source| BackupError::of_step(descriptor.id, source))?;
        let saved = context.saved;
        if !(saved.tables.is_empty() && saved.paths.is_empty() && saved.entries.is_empty()) {
            contents.push(saved);
        }
    }
    let writer = writer.ok_or_else(|| BundleError::Unfinished("an earlier entry".to_owned()))?;
    Ok((writer, contents))
}

impl BackupError {
    /// The step's failure, or that of the bundle which the step only came across.
    fn of_step(step: crate::descriptor::StepId, source: StepError) -> Self {
        match source {
            StepError::Bundle(error) => (*error).into(),
            source => Self::Step { step, source },
        }
    }
}
