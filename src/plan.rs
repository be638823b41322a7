//! What a selection would clear now.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::blocker::Blocker;
use crate::claims::{Preserved, Unclaimed};
use crate::data_directory::Survey;
use crate::database::Way;
use crate::descriptor::{Category, Phase, StepDescriptor};
use crate::item::{Item, ItemKind};
use crate::reference::BrokenReference;
use crate::registry::StepRegistration;
use crate::relative_path::RelativePath;
use crate::report::Report;
use crate::step::ResetStep;

/// What one step would clear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepPlan {
    items: Vec<Item>,
    fingerprint: String,
    blockers: Vec<Blocker>,
}

impl StepPlan {
    /// A plan of these items.
    #[must_use]
    pub fn new(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: items.into_iter().collect(),
            fingerprint: String::new(),
            blockers: Vec::new(),
        }
    }

    /// The same plan with something that tells its content from another with equal items: a
    /// version, a hash. It goes into the digest.
    #[must_use]
    pub fn fingerprint(mut self, fingerprint: impl Into<String>) -> Self {
        self.fingerprint = fingerprint.into();
        self
    }

    /// Adds an item.
    pub fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Says that something of it cannot be cleared now: the reset is refused, and the preview
    /// shows why.
    pub fn block(&mut self, blocker: Blocker) {
        self.blockers.push(blocker);
    }

    /// The same plan with its ephemeral items marked.
    pub(crate) fn mark_ephemeral(mut self, is_ephemeral: impl Fn(ItemKind, &str) -> bool) -> Self {
        let items = self.items.into_iter();
        let mark = |item: Item| {
            let marked = is_ephemeral(item.kind, &item.name);
            item.ephemeral(marked)
        };
        self.items = items.map(mark).collect();
        self
    }

    /// What would be cleared.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What of it cannot be cleared.
    #[must_use]
    pub fn blockers(&self) -> &[Blocker] {
        &self.blockers
    }
}

/// What became of the items of one step's plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepOutcome {
    items: Vec<Item>,
}

impl StepOutcome {
    /// An outcome of these items.
    #[must_use]
    pub fn new(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: items.into_iter().collect(),
        }
    }

    /// Everything happened as planned.
    #[must_use]
    pub fn as_planned(plan: &StepPlan) -> Self {
        Self::new(plan.items.iter().cloned())
    }

    /// What was cleared.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn into_items(self) -> Vec<Item> {
        self.items
    }
}

/// A selected step with its plan.
#[derive(Debug, Clone)]
pub(crate) struct PlannedStep {
    pub(crate) registration: StepRegistration,
    pub(crate) category: Option<Category>,
    pub(crate) plan: StepPlan,
}

impl PlannedStep {
    pub(crate) fn descriptor(&self) -> &StepDescriptor {
        &self.registration.descriptor
    }

    pub(crate) fn step(&self) -> &'static dyn ResetStep {
        self.registration.step
    }
}

/// What a selection would clear now: the ordered step plans with exact counts, the
/// preserved, the unclaimed, and a digest of it all.
#[derive(Debug, Clone)]
pub struct ResetPlan {
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) preserved: Vec<Preserved>,
    pub(crate) unclaimed: Vec<Unclaimed>,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) references: Vec<BrokenReference>,
    pub(crate) way: Option<Way>,
    pub(crate) digest: String,
    /// What was counted at the paths.
    pub(crate) surveys: BTreeMap<RelativePath, Survey>,
}

impl ResetPlan {
    pub(crate) fn new(
        steps: Vec<PlannedStep>,
        preserved: Vec<Preserved>,
        unclaimed: Vec<Unclaimed>,
        mut blockers: Vec<Blocker>,
    ) -> Self {
        let digest = digest(&steps);
        for step in &steps {
            blockers.extend(step.plan.blockers.iter().cloned());
        }
        Self {
            steps,
            preserved,
            unclaimed,
            blockers,
            references: Vec::new(),
            way: None,
            digest,
            surveys: BTreeMap::new(),
        }
    }

    /// Says what the selection would break; that keeps it from being reset.
    pub(crate) fn break_references(&mut self, references: Vec<BrokenReference>) {
        let blockers = references.iter().map(BrokenReference::blocker);
        self.blockers.extend(blockers);
        self.references = references;
    }

    /// How many files it removes, and their bytes.
    pub(crate) fn files(&self) -> (u64, u64) {
        let items = self.steps.iter().flat_map(|planned| planned.plan.items());
        let paths = items.filter(|item| item.kind == ItemKind::Path);
        paths.fold((0, 0), |(files, bytes), item| {
            (files + item.count, bytes + item.bytes.unwrap_or_default())
        })
    }

    /// Changes whenever what would be cleared changes: 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the host preserves.
    #[must_use]
    pub fn preserved(&self) -> &[Preserved] {
        &self.preserved
    }

    /// What nobody claims.
    #[must_use]
    pub fn unclaimed(&self) -> &[Unclaimed] {
        &self.unclaimed
    }

    /// What would keep a reset from succeeding; while there is any, it is refused.
    #[must_use]
    pub fn blockers(&self) -> &[Blocker] {
        &self.blockers
    }

    /// What keeps the plan from being carried out. A restoration puts the rows back that others
    /// refer to, and is whole without what comes after its commit: that is tried again.
    pub(crate) fn obstacles(&self, is_restoration: bool) -> Vec<Blocker> {
        let mut blockers = self.blockers.clone();
        if is_restoration {
            let references = self.references.iter().map(BrokenReference::blocker);
            let later = self.steps.iter();
            let later = later.filter(|step| step.descriptor().phase == Phase::Forget);
            let later = later.flat_map(|step| step.plan.blockers.iter().cloned());
            let passed: Vec<_> = references.chain(later).collect();
            blockers.retain(|blocker| !passed.contains(blocker));
        }
        blockers
    }

    /// References of tables that stay which the reset would break; they stand among the
    /// blockers as well.
    #[must_use]
    pub fn references(&self) -> &[BrokenReference] {
        &self.references
    }

    /// In which way the database would be emptied; none where none of its tables are cleared.
    #[must_use]
    pub fn way(&self) -> Option<&Way> {
        self.way.as_ref()
    }

    /// The plan as a report of what would happen now.
    #[must_use]
    pub fn preview(&self) -> Report {
        let mut report = Report::new(self);
        report.expect(self);
        report
    }
}

/// SHA-256 over the steps in their order. Each value is preceded by its length, so that two
/// different plans never give the same bytes.
fn digest(steps: &[PlannedStep]) -> String {
    let mut hash = Sha256::new();
    let mut add = |value: &str| {
        hash.update(value.len().to_le_bytes());
        hash.update(value);
    };
    for step in steps {
        add(step.descriptor().id.as_str());
        add(&step.plan.fingerprint);
        for item in &step.plan.items {
            add(&item.name);
            add(&format!(
                "{:?} {:?} {} {} {:?}",
                item.kind, item.outcome, item.count, item.kept, item.bytes
            ));
        }
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(items: &[Item], fingerprint: &str) -> ResetPlan {
        struct Nothing;
        impl ResetStep for Nothing {}
        let descriptor = StepDescriptor::new("tables", Phase::Erase);
        let step = PlannedStep {
            registration: StepRegistration::new(descriptor, &Nothing),
            category: None,
            plan: StepPlan::new(items.to_vec()).fingerprint(fingerprint),
        };
        ResetPlan::new(vec![step], Vec::new(), Vec::new(), Vec::new())
    }

    #[test]
    fn the_digest_follows_items_and_fingerprint() {
        let rows = |count| [Item::removed(ItemKind::Table, "posts", count)];
        let one = plan(&rows(1), "");
        assert_eq!(one.digest().len(), 64);
        assert_eq!(one.digest(), plan(&rows(1), "").digest());
        assert_ne!(one.digest(), plan(&rows(2), "").digest());
        assert_ne!(one.digest(), plan(&rows(1), "changed").digest());
        assert_ne!(
            one.digest(),
            plan(&[Item::absent(ItemKind::Table, "posts")], "").digest()
        );
    }
}
