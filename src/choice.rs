//! What of each step a selection asks for, and what that means for other tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::database::{DatabaseError, KeptRows, Transaction};
use crate::descriptor::StepId;
use crate::engine::Inner;
use crate::reference::BrokenReference;
use crate::registry::StepRegistration;
use crate::selection::{Parts, Selection};

/// A selection, part by part.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    parts: BTreeMap<StepId, Parts>,
    /// How many rows stay, by table.
    pub(crate) kept: BTreeMap<String, u64>,
    /// What would break, and is not taken along.
    pub(crate) broken: Vec<BrokenReference>,
}

impl Choice {
    /// What `selection` names.
    pub(crate) fn new(inner: &Inner, selection: &Selection) -> Self {
        let selects = |step: &&StepRegistration| selection.selects(step.descriptor.id.as_str());
        let parts = |step: &StepRegistration| {
            let id = step.descriptor.id;
            let selected = selection.parts_of(id.as_str());
            (id, inner.parts_of(step).narrowed(selected))
        };
        Self {
            parts: inner.steps.iter().filter(selects).map(parts).collect(),
            ..Self::default()
        }
    }

    /// What of `step` is asked for; nothing when it is not selected.
    pub(crate) fn parts_of(&self, step: StepId) -> Option<&Parts> {
        self.parts.get(&step)
    }

    /// Sets the rows aside that are to be kept, and finds what refers to those that go; takes
    /// along what may be taken.
    pub(crate) async fn follow(
        &mut self,
        inner: &Inner,
        selection: &Selection,
        transaction: &mut dyn Transaction,
    ) -> Result<(), DatabaseError> {
        let is_kept = |rows: &&KeptRows| selection.keeps(rows.name());
        let kept: Vec<KeptRows> = inner.kept_rows.iter().filter(is_kept).cloned().collect();
        loop {
            let tables = self.tables();
            if tables.is_empty() {
                return Ok(());
            }
            if !kept.is_empty() {
                self.kept = transaction.keep(&kept, &tables).await?;
            }
            let references = transaction.references(&tables).await?;
            let mut taken = false;
            self.broken.clear();
            for reference in references {
                let owner = inner.owner_of(&reference.table);
                if let (true, Some(step)) = (selection.is_cascading(), owner) {
                    self.take(step, &reference.table);
                    taken = true;
                } else {
                    let broken = BrokenReference::new(reference, owner.is_some());
                    self.broken.push(broken);
                }
            }
            if !taken {
                return Ok(());
            }
        }
    }

    /// Takes along the steps that accompany the chosen ones.
    pub(crate) fn complete(&mut self, inner: &Inner) {
        for step in &inner.steps {
            let descriptor = &step.descriptor;
            let chosen = |id: &str| self.parts.keys().any(|step| step.as_str() == id);
            if descriptor.accompanies.iter().any(|id| chosen(id)) {
                let whole = inner.parts_of(step);
                self.parts.entry(descriptor.id).or_insert(whole);
            }
        }
    }

    fn tables(&self) -> Vec<String> {
        let tables = self.parts.values().flat_map(|parts| &parts.tables);
        tables
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn take(&mut self, step: StepId, table: &str) {
        let tables = &mut self.parts.entry(step).or_default().tables;
        if !tables.iter().any(|taken| taken == table) {
            tables.push(table.to_owned());
            tables.sort();
        }
    }
}
