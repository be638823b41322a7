//! What the journal says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::file::VERSION;
use crate::descriptor::StepDescriptor;
use crate::history::HistoryEntry;
use crate::registry::StepRegistration;
use crate::staging::Slot;

/// How far a reset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalState {
    /// Paths may be staged; the database decides what becomes of them.
    Prepared,
    /// The commit stands: what is staged goes, and the Forget phase runs.
    Committed,
    /// Everything is as it was, or all of it is gone; the journal is removed.
    Ended,
}

/// What the journal says of a reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JournalRecord {
    version: u32,
    pub(crate) run: Uuid,
    /// The database that carries the commit record; none when the journal itself does.
    pub(crate) database: Option<String>,
    /// The paths that may be staged; a path's place in this list is its slot.
    pub(crate) paths: Vec<Slot>,
    /// The ids of the selected steps, each with the parts that are selected; none of them when
    /// it is selected whole.
    steps: BTreeMap<String, Vec<String>>,
    /// Whether rows go.
    rows: bool,
    /// What earlier resets could not finish.
    pub(super) earlier: Leftover,
    /// Whether the staged paths have been looked at again after the commit, so that what is
    /// there by now is there to stay.
    swept: bool,
    /// What the history is to say if the reset is interrupted after its commit: no more than
    /// text to the journal, so that it never keeps a reset from being ended.
    entry: Value,
}

/// What is left to do after a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    /// The ids of the steps that have to forget, each with the parts that it has to; none of
    /// them when that is all.
    pub(crate) forget: BTreeMap<String, Vec<String>>,
    /// The runs whose staging areas have to be purged.
    pub(crate) purge: Vec<Uuid>,
    /// Whether the database has to give freed pages back.
    pub(crate) reclaim: bool,
}

impl Leftover {
    /// Whether `step` has still to forget.
    pub(crate) fn forgets(&self, step: &StepRegistration) -> bool {
        self.forget.contains_key(step.descriptor.id.as_str())
    }

    /// Adds `parts` of the step `id` to what has to be forgotten.
    pub(crate) fn leave(&mut self, id: &str, parts: &[String]) {
        match self.forget.get_mut(id) {
            None => {
                self.forget.insert(id.to_owned(), parts.to_vec());
            }
            Some(all) if all.is_empty() || parts.is_empty() => all.clear(),
            Some(some) => {
                some.extend_from_slice(parts);
                some.sort();
                some.dedup();
            }
        }
    }
}

impl JournalRecord {
    /// A record of a reset that is about to begin.
    pub(crate) fn new(
        entry: &HistoryEntry,
        database: Option<String>,
        paths: Vec<Slot>,
        steps: BTreeMap<String, Vec<String>>,
        rows: bool,
    ) -> Self {
        Self {
            version: VERSION,
            run: entry.id,
            database,
            paths,
            steps,
            rows,
            earlier: Leftover::default(),
            swept: false,
            entry: serde_json::to_value(entry).unwrap_or_default(),
        }
    }

    /// The same record of a run that puts something at the paths: what is there after the commit
    /// is there to stay.
    #[cfg(feature = "backup")]
    pub(crate) fn fills(mut self) -> Self {
        self.swept = true;
        self
    }

    /// What the history is to say of this reset; nothing where only earlier ones have left
    /// something.
    pub(crate) fn entry(&self) -> Option<HistoryEntry> {
        if self.entry.is_null() {
            return None;
        }
        let entry = serde_json::from_value(self.entry.clone());
        entry
            .inspect_err(|error| {
                let run = self.run;
                tracing::warn!(%run, %error, "the history cannot tell of this run");
            })
            .ok()
    }

    /// Whether the reset has selected `step`.
    pub(crate) fn selects(&self, step: &StepDescriptor) -> bool {
        self.steps.contains_key(step.id.as_str())
    }

    /// The paths at which a writer may have put something during the reset.
    pub(crate) fn unswept(&self) -> &[Slot] {
        if self.swept { &[] } else { &self.paths }
    }

    /// What earlier resets have left to forget.
    pub(crate) fn forget_earlier(&self) -> BTreeMap<String, Vec<String>> {
        self.earlier.forget.clone()
    }

    /// What there is to do once this reset is committed, with what earlier ones have left.
    pub(crate) fn leftover(&self) -> Leftover {
        let mut leftover = self.earlier.clone();
        for (id, parts) in &self.steps {
            leftover.leave(id, parts);
        }
        if !leftover.purge.contains(&self.run) {
            leftover.purge.push(self.run);
        }
        leftover.reclaim |= self.rows;
        leftover
    }

    /// A record of what is left of a commit that could not be written down: the database is
    /// asked again, and might say that everything is to be put back.
    pub(super) fn of_unwritten(&self, leftover: Leftover) -> Self {
        Self {
            paths: self.paths.clone(),
            swept: true,
            ..self.of_leftover(leftover)
        }
    }

    /// A record of nothing but what earlier resets have left.
    pub(super) fn of_earlier(&self) -> Self {
        Self {
            entry: Value::Null,
            ..self.of_leftover(self.earlier.clone())
        }
    }

    /// A record of nothing but `earlier`.
    pub(super) fn of_leftover(&self, earlier: Leftover) -> Self {
        Self {
            paths: Vec::new(),
            steps: BTreeMap::new(),
            rows: false,
            earlier,
            ..self.clone()
        }
    }
}
