//! What the journal says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::file::VERSION;
use crate::descriptor::StepDescriptor;
use crate::history::HistoryEntry;
use crate::registry::StepRegistration;
use crate::relative_path::RelativePath;

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
    pub(crate) paths: Vec<RelativePath>,
    /// The ids of the selected steps.
    steps: Vec<String>,
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
    /// The ids of the steps that have to forget.
    pub(crate) forget: BTreeSet<String>,
    /// The runs whose staging areas have to be purged.
    pub(crate) purge: Vec<Uuid>,
    /// Whether the database has to give freed pages back.
    pub(crate) reclaim: bool,
}

impl Leftover {
    /// Whether `step` has still to forget.
    pub(crate) fn forgets(&self, step: &StepRegistration) -> bool {
        self.forget.contains(step.descriptor.id.as_str())
    }
}

impl JournalRecord {
    /// A record of a reset that is about to begin.
    pub(crate) fn new(
        entry: &HistoryEntry,
        database: Option<String>,
        paths: Vec<RelativePath>,
        steps: Vec<String>,
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
        self.steps.iter().any(|id| step.id.as_str() == id)
    }

    /// The paths at which a writer may have put something during the reset.
    pub(crate) fn unswept(&self) -> &[RelativePath] {
        if self.swept { &[] } else { &self.paths }
    }

    /// What there is to do once this reset is committed, with what earlier ones have left.
    pub(crate) fn leftover(&self) -> Leftover {
        let mut leftover = self.earlier.clone();
        leftover.forget.extend(self.steps.iter().cloned());
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
            steps: Vec::new(),
            rows: false,
            earlier,
            ..self.clone()
        }
    }
}
