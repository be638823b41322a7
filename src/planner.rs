//! Makes plans. Previews and resets come through here alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::call::{Call, call};
use crate::choice::Choice;
use crate::claims::Unclaimed;
use crate::context::{PlanContext, SharedTransaction};
use crate::data_directory::PathError;
use crate::database::Transaction;
use crate::descriptor::{Phase, StepId};
use crate::engine::Inner;
use crate::error::{PlanError, StepError};
use crate::item::{Item, ItemKind, Outcome};
use crate::plan::{PlannedStep, ResetPlan, StepPlan};
use crate::plan_queue::PlanTurn;
use crate::preflight;
use crate::registry::StepRegistration;
use crate::relative_path::{OWN_DIRECTORY, RelativePath};
use crate::selection::{Parts, Selection};
use crate::surveys::Surveys;
use crate::task::{blocking, spawn};

/// Plans on a snapshot of its own.
///
/// Runs in a task of its own, so that a caller who goes away leaves no open snapshot.
pub(crate) async fn plan(
    inner: &Arc<Inner>,
    selection: &Selection,
) -> Result<ResetPlan, PlanError> {
    plan_in_turn(inner, selection, None).await
}

/// Like [`plan`], and holds `turn` until the plan is made, because the plan of a caller who goes
/// away is made all the same.
pub(crate) async fn plan_in_turn(
    inner: &Arc<Inner>,
    selection: &Selection,
    turn: Option<PlanTurn>,
) -> Result<ResetPlan, PlanError> {
    selection.validate(&inner.parts, &inner.kept_rows)?;
    let (inner, selection) = (inner.clone(), selection.clone());
    spawn(async move {
        let _turn = turn;
        let mut transaction = match &inner.database {
            Some(database) => Some(database.read().await?),
            None => None,
        };
        let none = Carried::default();
        let plan = plan_within(&inner, &selection, &mut transaction, &none).await;
        if let Some(transaction) = transaction {
            transaction.rollback().await?;
        }
        let mut plan = plan?;
        plan.surveys = none.surveys.into_taken();
        Ok(plan)
    })
    .await
}

/// What a plan takes over from what was planned before.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// Steps that keep the plan that they have here, unless tables have come to what is asked of
    /// them since.
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) surveys: Surveys,
}

/// Plans inside `transaction`, and takes over what is `carried`.
pub(crate) async fn plan_within(
    inner: &Arc<Inner>,
    selection: &Selection,
    transaction: &mut Option<Box<dyn Transaction>>,
    carried: &Carried,
) -> Result<ResetPlan, PlanError> {
    // The contexts of the steps share it; it comes back whatever happens.
    let shared: SharedTransaction = Mutex::new(transaction.take());
    let plan = plan_steps(inner, selection, &shared, carried).await;
    *transaction = shared.into_inner();
    plan
}

async fn plan_steps(
    inner: &Arc<Inner>,
    selection: &Selection,
    transaction: &SharedTransaction,
    Carried { steps, surveys }: &Carried,
) -> Result<ResetPlan, PlanError> {
    let carried: HashMap<StepId, &PlannedStep> = steps
        .iter()
        .map(|planned| (planned.descriptor().id, planned))
        .collect();
    let mut choice = Choice::new(inner, selection);
    if let Some(transaction) = &mut *transaction.lock().await {
        choice.follow(inner, selection, &mut **transaction).await?;
    }
    choice.complete(inner);
    let setting = Setting {
        transaction,
        kept: &choice.kept,
        surveys,
    };
    let mut steps = Vec::with_capacity(inner.steps.len());
    for step in &inner.steps {
        let id = step.descriptor.id;
        let Some(parts) = choice.parts_of(id) else {
            continue;
        };
        let has_come = step.descriptor.phase != Phase::Stop && !parts.tables.is_empty();
        steps.push(match carried.get(&id).filter(|_| !has_come) {
            Some(planned) => (*planned).clone(),
            None => plan_step(inner, step, parts.clone(), &setting).await?,
        });
    }
    let mut way = None;
    let mut unclaimed = match (&inner.database, &mut *transaction.lock().await) {
        (Some(database), Some(transaction)) => {
            let cleared = cleared_tables(&steps);
            if !cleared.is_empty() {
                way = Some(transaction.way(&cleared).await?);
            }
            let there = transaction.tables().await?;
            let ownership = &inner.ownership;
            let mut unclaimed = ownership.unclaimed_tables(&there, database.migrated_tables());
            unclaimed.extend(transaction.unclaimed_objects().await?);
            unclaimed
        }
        _ => Vec::new(),
    };
    let looking = inner.clone();
    let look = move || (unclaimed_paths(&looking), preflight::blockers(&looking));
    let (paths, blockers) = blocking(look).await;
    unclaimed.extend(paths?);
    let preserved = inner.ownership.preserved().to_vec();
    let mut plan = ResetPlan::new(steps, preserved, unclaimed, blockers);
    plan.break_references(choice.broken);
    plan.way = way;
    Ok(plan)
}

/// The tables that are cleared through the transaction.
fn cleared_tables(steps: &[PlannedStep]) -> Vec<String> {
    let erasing = |step: &&PlannedStep| step.descriptor().phase == Phase::Erase;
    let steps = steps.iter().filter(erasing);
    let items = steps.flat_map(|step| step.plan.items());
    let is_cleared =
        |item: &&Item| item.kind == ItemKind::Table && item.outcome == Outcome::Removed;
    let tables = items.filter(is_cleared).map(|item| item.name.clone());
    tables.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the plans of several steps have in common.
pub(crate) struct Setting<'a> {
    /// Needed only by steps that claim tables.
    pub(crate) transaction: &'a SharedTransaction,
    /// How many rows of a table stay.
    pub(crate) kept: &'a BTreeMap<String, u64>,
    pub(crate) surveys: &'a Surveys,
}

/// Plans `parts` of one step by itself, which have no tables among them.
pub(crate) async fn plan_alone(
    inner: &Inner,
    step: &StepRegistration,
    parts: Parts,
) -> Result<PlannedStep, PlanError> {
    let setting = Setting {
        transaction: &Mutex::new(None),
        kept: &BTreeMap::new(),
        surveys: &Surveys::default(),
    };
    plan_step(inner, step, parts, &setting).await
}

/// Plans `parts` of one step.
pub(crate) async fn plan_step(
    inner: &Inner,
    step: &StepRegistration,
    parts: Parts,
    setting: &Setting<'_>,
) -> Result<PlannedStep, PlanError> {
    let id = step.descriptor.id;
    let context = PlanContext {
        descriptor: &step.descriptor,
        resources: &inner.resources,
        data_directory: &inner.data_directory,
        transaction: setting.transaction,
        parts,
        kept: setting.kept,
        surveys: setting.surveys,
    };
    let work = step.step.plan(&context);
    let plan = call(Call::Plan, &step.descriptor, inner.limits.step, work)
        .await
        .and_then(|plan| check_claims(&context, plan))
        .map_err(|source| PlanError::Step { step: id, source })?
        .mark_ephemeral(|kind, name| inner.ownership.is_ephemeral(kind, name));
    Ok(PlannedStep {
        registration: *step,
        category: inner.ownership.category_of(id),
        plan,
    })
}

/// A plan names only what its step claims: everything else belongs to somebody else.
fn check_claims(context: &PlanContext<'_>, plan: StepPlan) -> Result<StepPlan, StepError> {
    let is_claimed = |item: &Item| match item.kind {
        ItemKind::Table => context.tables().contains(&item.name),
        ItemKind::Path => context
            .paths()
            .iter()
            .any(|path| path.as_str() == item.name),
        _ => true,
    };
    match plan.items().iter().find(|item| !is_claimed(item)) {
        Some(item) => Err(StepError::NotClaimed(item.name.clone())),
        None => Ok(plan),
    }
}

/// What in the data directory nobody owns, by its topmost path. Blocks.
fn unclaimed_paths(inner: &Inner) -> Result<Vec<Unclaimed>, PathError> {
    let mut unclaimed = Vec::new();
    let mut directories = vec![None];
    while let Some(directory) = directories.pop() {
        for name in inner.data_directory.names(directory.as_ref())? {
            let joined = match &directory {
                None => name,
                Some(directory) => format!("{directory}/{name}"),
            };
            if joined == OWN_DIRECTORY {
                continue;
            }
            let owned = RelativePath::new(&joined).ok();
            match owned {
                Some(path) if inner.ownership.owns(&path) => {}
                Some(path) if inner.ownership.owns_within(&path) => directories.push(Some(path)),
                // A name that no claim can have is nobody's for sure.
                _ => unclaimed.push(Unclaimed::new(ItemKind::Path, joined)),
            }
        }
    }
    unclaimed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(unclaimed)
}
