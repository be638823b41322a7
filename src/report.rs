//! What a reset did, or in a preview, would do.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::blocker::Blocker;
use crate::claims::{Preserved, Unclaimed};
use crate::database::Way;
use crate::descriptor::{Category, Phase, Scope, StepDescriptor, StepId};
use crate::error::chain;
use crate::history::HistoryEntry;
use crate::item::{Item, ItemKind, Outcome};
use crate::plan::{PlannedStep, ResetPlan};
use crate::staging::Counts;
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
    /// In which way the database was emptied, or would be; none where none of its tables are
    /// cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Way>,
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
    /// What the reset could not finish after its commit. It is tried again in the background,
    /// at the next reset and at the next start.
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
            database: plan.way.clone(),
            cleared: Map::new(),
            steps: Vec::new(),
            preserved: plan.preserved.clone(),
            unclaimed: plan.unclaimed.clone(),
            blockers: plan.blockers.clone(),
            pending: Vec::new(),
        }
    }

    /// A report of the run in `entry`, which has yet to do anything.
    pub(crate) fn begun(plan: &ResetPlan, entry: &HistoryEntry) -> Self {
        let mut report = Self::new(plan);
        report.run = Some(entry.id);
        report.dry_run = false;
        report.actor.clone_from(&entry.actor);
        report.started_at = entry.started_at;
        report
    }

    /// Fills in what `plan` expects to become of everything.
    pub(crate) fn expect(&mut self, plan: &ResetPlan) {
        let steps = plan.steps.iter();
        let expected = |step: &PlannedStep| {
            StepReport::new(step.descriptor(), step.category, step.plan.items().to_vec())
        };
        self.steps = steps.map(expected).collect();
        self.cleared = cleared(&self.steps);
    }

    /// Says what is pending, and what that means for the steps.
    pub(crate) fn settle(&mut self, pending: Vec<Pending>) {
        for step in &mut self.steps {
            let kinds = std::mem::take(&mut step.erasure).into_iter();
            let now = |kind: Erasure| {
                let works = pending.iter().map(|pending| pending.work.as_str());
                works.fold(kind, Erasure::while_pending)
            };
            step.erasure = kinds.map(now).collect();
        }
        self.pending = pending;
    }

    /// What journal and history keep of it. These outlive the reset, so nothing that it clears
    /// may stand in them: what runs, and what is in memory, is often named by what its owner has
    /// written: unless [its name is the program's own](Item::own_name), it is summed up.
    pub(crate) fn lasting(&self) -> Self {
        let mut kept = self.clone();
        kept.unclaimed.truncate(MOST_UNCLAIMED);
        for step in &mut kept.steps {
            let mut sums: BTreeMap<_, Item> = BTreeMap::new();
            let items = std::mem::take(&mut step.items);
            for mut item in items {
                item.message = item.message.map(shortened);
                if item.keeps_name() {
                    step.items.push(item);
                } else if let Some(sum) = sums.get_mut(&(item.kind, item.outcome)) {
                    sum.count += item.count;
                } else {
                    step.label.clone_into(&mut item.name);
                    sums.insert((item.kind, item.outcome), item);
                }
            }
            step.items.extend(sums.into_values());
        }
        kept
    }

    /// The same, as answers that are kept tell it.
    #[cfg(any(feature = "axum", feature = "cli"))]
    pub(crate) fn to_value(&self) -> Value {
        // Strings, numbers and lists of them always make JSON.
        serde_json::to_value(self.lasting()).unwrap_or_default()
    }
}

/// How much of what nobody claims is kept: of that there may be any number.
const MOST_UNCLAIMED: usize = 100;

/// How many characters of a message are kept: it may quote what somebody has sent.
const LONGEST_MESSAGE: usize = 2000;

/// The beginning of a text that is to be kept.
pub(crate) fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Makes a report in JSON say that everything is finished by now.
pub(crate) fn nothing_is_pending(report: &mut Value) {
    if let Some(pending) = report.get_mut("pending").and_then(Value::as_array_mut) {
        pending.retain(|pending| pending["work"] == SWEEP);
    }
    let steps = report.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        let kinds = step.get_mut("erasure").and_then(Value::as_array_mut);
        for kind in kinds.into_iter().flatten() {
            match kind.as_str() {
                Some("staged") => *kind = "unlinked".into(),
                Some("deleted") => *kind = "rewritten".into(),
                _ => {}
            }
        }
    }
}

/// What kind of erasure something has met with, from what can be read again to what cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Erasure {
    /// It runs no more; there was nothing to erase.
    Stopped,
    /// Given back to the memory of a process, this one or a server.
    Dropped,
    /// Files moved out of their place, and not unlinked yet: see [`Report::pending`].
    Staged,
    /// Files unlinked. No program can read them through the file system; what is left in free
    /// blocks of the disk is beyond a program's reach.
    Unlinked,
    /// Rows deleted, and not yet overwritten in the database's files: see
    /// [`Report::pending`].
    Deleted,
    /// Rows deleted, and the database's files rewritten without them.
    Rewritten,
}

impl Erasure {
    /// What items of `kind` meet with when everything goes well.
    const fn of(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Table => Self::Rewritten,
            ItemKind::Path => Self::Unlinked,
            ItemKind::Task => Self::Stopped,
            ItemKind::Memory
            | ItemKind::Keys
            | ItemKind::Trigger
            | ItemKind::View
            | ItemKind::Index => Self::Dropped,
        }
    }

    /// What it is for as long as `work` is pending.
    fn while_pending(self, work: &str) -> Self {
        match (self, work) {
            (Self::Rewritten, RECLAIM) => Self::Deleted,
            (Self::Unlinked, PURGE | JOURNAL) => Self::Staged,
            _ => self,
        }
    }
}

/// What is pending while rows can still be read in the database's files.
pub(crate) const RECLAIM: &str = "reclaim";
/// What is pending while files are not unlinked.
pub(crate) const PURGE: &str = "purge";
/// What stays pending when nobody could look whether a writer has put something back: by the
/// time of a second look it may belong to the service.
pub(crate) const SWEEP: &str = "sweep";
/// What is pending while the journal cannot be written or removed.
pub(crate) const JOURNAL: &str = "journal";

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
    /// What kind of state it is, where it is of one that requests tell apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The sums of the removed and restored items' counts, by unit.
    pub counts: BTreeMap<&'static str, u64>,
    /// The sum of the removed items' sizes, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What kinds of erasure its removed items have met with.
    pub erasure: BTreeSet<Erasure>,
    /// Each item.
    pub items: Vec<Item>,
    #[serde(skip)]
    summaries: &'static [(&'static str, Summary)],
}

impl StepReport {
    pub(crate) fn new(
        descriptor: &StepDescriptor,
        category: Option<Category>,
        items: Vec<Item>,
    ) -> Self {
        let mut report = Self {
            id: descriptor.id,
            label: descriptor.label,
            description: descriptor.description,
            phase: descriptor.phase,
            scope: descriptor.scope,
            category,
            counts: BTreeMap::new(),
            bytes: None,
            erasure: BTreeSet::new(),
            items,
            summaries: descriptor.cleared,
        };
        report.add_up();
        report
    }

    /// Tells of the removed paths what was counted where they are staged. Returns whether there
    /// are any.
    pub(crate) fn recount(&mut self, counts: &Counts) -> bool {
        let mut is_recounted = false;
        for item in &mut self.items {
            if let (ItemKind::Path, Outcome::Removed) = (item.kind, item.outcome)
                && let Some(survey) = counts.get(&item.name)
                && survey.there
            {
                is_recounted = true;
                item.count = survey.files;
                item.bytes = Some(survey.bytes);
            }
        }
        self.add_up();
        is_recounted
    }

    fn add_up(&mut self) {
        self.counts.clear();
        self.bytes = None;
        self.erasure.clear();
        for item in &self.items {
            let count = self.counts.entry(item.unit).or_insert(0);
            if item.outcome == Outcome::Removed {
                self.erasure.insert(Erasure::of(item.kind));
            }
            if matches!(item.outcome, Outcome::Removed | Outcome::Restored) {
                *count += item.count;
                self.bytes = match (self.bytes, item.bytes) {
                    (None, more) => more,
                    (some, None) => some,
                    (Some(sum), Some(more)) => Some(sum + more),
                };
            }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pending {
    /// What is left to do: a step's id; `purge` what is staged; `reclaim` freed pages of the
    /// database; write the `journal`; `sweep` what a writer may have put back during the
    /// reset, which is not tried again.
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

    /// Whether it is tried again.
    pub(crate) fn is_retried(&self) -> bool {
        self.work != SWEEP
    }

    /// Something that waits for the next reset or the next start.
    pub(crate) fn later(work: &str) -> Self {
        Self {
            work: work.to_owned(),
            error: "what it keeps in memory is dropped by the next reset or the next start"
                .to_owned(),
        }
    }
}
