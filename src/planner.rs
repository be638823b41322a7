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
use crate::preflight;
use crate::registry::StepRegistration;
use crate::relative_path::{OWN_DIRECTORY, RelativePath};
use crate::selection::{Parts, Selection};
use crate::task::{blocking, spawn};

/// Plans on a snapshot of its own.
///
/// Runs in a task of its own, so that a caller who goes away leaves no open snapshot.
pub(crate) async fn plan(
    inner: &Arc<Inner>,
    selection: &Selection,
) -> Result<ResetPlan, PlanError> {
    selection.validate(&inner.parts, &inner.kept_rows)?;
    let (inner, selection) = (inner.clone(), selection.clone());
    spawn(async move {
        let mut transaction = match &inner.database {
            Some(database) => Some(database.read().await?),
            None => None,
        };
        let plan = plan_within(&inner, &selection, &mut transaction, &[]).await;
        if let Some(transaction) = transaction {
            transaction.rollback().await?;
        }
        plan
    })
    .await
}

/// Plans inside `transaction`. Steps in `carried` keep the plan that they have there, unless
/// tables have come to what is asked of them since.
pub(crate) async fn plan_within(
    inner: &Arc<Inner>,
    selection: &Selection,
    transaction: &mut Option<Box<dyn Transaction>>,
    carried: &[PlannedStep],
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
    carried: &[PlannedStep],
) -> Result<ResetPlan, PlanError> {
    let carried: HashMap<StepId, &PlannedStep> = carried
        .iter()
        .map(|planned| (planned.descriptor().id, planned))
        .collect();
    let mut choice = Choice::new(inner, selection);
    if let Some(transaction) = &mut *transaction.lock().await {
        choice.follow(inner, selection, &mut **transaction).await?;
    }
    choice.complete(inner);
    let mut steps = Vec::with_capacity(inner.steps.len());
    for step in &inner.steps {
        let id = step.descriptor.id;
        let Some(parts) = choice.parts_of(id) else {
            continue;
        };
        let has_come = step.descriptor.phase != Phase::Stop && !parts.tables.is_empty();
        steps.push(match carried.get(&id).filter(|_| !has_come) {
            Some(planned) => (*planned).clone(),
            None => plan_step(inner, step, parts.clone(), &choice.kept, transaction).await?,
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
            ownership.unclaimed_tables(&there, database.migrated_tables())
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

/// Plans `parts` of one step. The transaction is needed only if it claims tables.
pub(crate) async fn plan_step(
    inner: &Inner,
    step: &StepRegistration,
    parts: Parts,
    kept: &BTreeMap<String, u64>,
    transaction: &SharedTransaction,
) -> Result<PlannedStep, PlanError> {
    let id = step.descriptor.id;
    let context = PlanContext {
        descriptor: &step.descriptor,
        resources: &inner.resources,
        data_directory: &inner.data_directory,
        transaction,
        parts,
        kept,
    };
    let work = step.step.plan(&context);
    let plan = call(Call::Plan, &step.descriptor, inner.limits.step, work)
        .await
        .and_then(|plan| check_claims(&context, plan))
        .map_err(|source| PlanError::Step { step: id, source })?;
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
                _ => unclaimed.push(Unclaimed {
                    kind: ItemKind::Path,
                    name: joined,
                }),
            }
        }
    }
    unclaimed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(unclaimed)
}
