//! What a reset did, or in a preview, would do.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::blocker::Blocker;
use crate::claims::{Preserved, Unclaimed};
use crate::descriptor::{Phase, Scope, StepDescriptor, StepId};
use crate::error::chain;
use crate::item::{Item, Outcome};
use crate::plan::ResetPlan;
use crate::summary::Summary;

/// What a reset did. A preview has the same shape, says `dry_run` and tells the outcomes to
/// expect.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Which reset this was; none in a preview.
    pub run: Option<Uuid>,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it began; for a preview, when it was made.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The digest of the plan.
    pub digest: String,
    /// The keys that the steps promise, over all items.
    pub cleared: Map<String, Value>,
    /// Each step in the order in which it was applied.
    pub steps: Vec<StepReport>,
    /// What was kept, and why.
    pub preserved: Vec<Preserved>,
    /// What is there and belongs to nobody; it was left alone.
    pub unclaimed: Vec<Unclaimed>,
    /// What would keep a reset from succeeding; empty in the report of a reset that was made.
    pub blockers: Vec<Blocker>,
    /// What the reset could not finish after its commit; tried again at the next reset and
    /// at the next start.
    pub pending: Vec<Pending>,
}

impl Report {
    pub(crate) fn new(plan: &ResetPlan) -> Self {
        Self {
            run: None,
            dry_run: true,
            actor: None,
            started_at: Timestamp::now(),
            duration_ms: 0,
            digest: plan.digest.clone(),
            cleared: Map::new(),
            steps: Vec::new(),
            preserved: plan.preserved.clone(),
            unclaimed: plan.unclaimed.clone(),
            blockers: plan.blockers.clone(),
            pending: Vec::new(),
        }
    }
}

/// What became of one step's items.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StepReport {
    /// The step.
    pub id: StepId,
    /// Its name for people.
    pub label: &'static str,
    /// What goes.
    pub description: &'static str,
    /// The phase in which it was applied.
    pub phase: Phase,
    /// Whose state it is.
    pub scope: Scope,
    /// The sums of the removed items' counts, by unit.
    pub counts: BTreeMap<&'static str, u64>,
    /// The sum of the removed items' sizes, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Each item.
    pub items: Vec<Item>,
    #[serde(skip)]
    summaries: &'static [(&'static str, Summary)],
}

impl StepReport {
    pub(crate) fn new(descriptor: &StepDescriptor, items: Vec<Item>) -> Self {
        let mut counts = BTreeMap::new();
        let mut bytes = None;
        for item in &items {
            let count = counts.entry(item.unit).or_insert(0);
            if item.outcome == Outcome::Removed {
                *count += item.count;
                bytes = match (bytes, item.bytes) {
                    (None, more) => more,
                    (some, None) => some,
                    (Some(sum), Some(more)) => Some(sum + more),
                };
            }
        }
        Self {
            id: descriptor.id,
            label: descriptor.label,
            description: descriptor.description,
            phase: descriptor.phase,
            scope: descriptor.scope,
            counts,
            bytes,
            items,
            summaries: descriptor.cleared,
        }
    }
}

/// The `cleared` summary: the keys of each step, computed from its items. A function that
/// panics gives `null`: the reset has happened all the same.
pub(crate) fn cleared(steps: &[StepReport]) -> Map<String, Value> {
    let values = |step: &StepReport| -> Vec<(String, Value)> {
        let value = |summary: Summary| {
            std::panic::catch_unwind(AssertUnwindSafe(|| summary(&step.items))).unwrap_or_default()
        };
        let summaries = step.summaries.iter();
        summaries
            .map(|(key, summary)| ((*key).to_owned(), value(*summary)))
            .collect()
    };
    steps.iter().flat_map(values).collect()
}

/// Something that a committed reset could not finish yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pending {
    /// What is left to do: a step's id, `purge`, `reclaim` or `journal`.
    pub work: String,
    /// Why it could not be done, with the path or table.
    pub error: String,
}

impl Pending {
    pub(crate) fn new(work: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            work: work.to_owned(),
            error: chain(error),
        }
    }
}
