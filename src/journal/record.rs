//! What the journal says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::file::VERSION;
use crate::descriptor::StepDescriptor;
use crate::history::{HistoryEntry, Kept};
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// Whether the files have still to be counted where they are staged, before any of them is
    /// unlinked.
    #[serde(default)]
    uncounted: bool,
    /// What the history is to say if the reset is interrupted after its commit: no more than
    /// text to the journal, so that it never keeps a reset from being ended.
    entry: Option<Box<RawValue>>,
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
        kept: &Kept,
        database: Option<String>,
        paths: Vec<Slot>,
        steps: BTreeMap<String, Vec<String>>,
        rows: bool,
    ) -> Self {
        Self {
            version: VERSION,
            run: kept.run(),
            database,
            paths,
            steps,
            rows,
            earlier: Leftover::default(),
            swept: false,
            uncounted: false,
            // Strings, numbers and lists of them always make JSON.
            entry: to_raw_value(kept).ok(),
        }
    }

    /// The same record of a run whose files are counted where they are staged.
    pub(crate) fn uncounted(mut self) -> Self {
        self.uncounted = true;
        self
    }

    /// Whether the files have still to be counted where they are staged.
    pub(crate) fn is_uncounted(&self) -> bool {
        self.uncounted
    }

    /// Says that the files are counted, and what the history is to say of them.
    pub(super) fn counted(&mut self, kept: Option<&Kept>) {
        self.uncounted = false;
        self.entry = kept.and_then(|kept| to_raw_value(kept).ok());
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
        let entry = self.entry.as_ref()?;
        serde_json::from_str(entry.get())
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

    /// What there is to do once this reset is committed, with what earlier ones have left.
    pub(crate) fn leftover(&self) -> Leftover {
        let mut leftover = self.leftover_beside_steps();
        for (id, parts) in &self.steps {
            leftover.leave(id, parts);
        }
        leftover
    }

    /// The same, but for what the steps of this reset have to forget.
    pub(crate) fn leftover_beside_steps(&self) -> Leftover {
        let mut leftover = self.earlier.clone();
        if !leftover.purge.contains(&self.run) {
            leftover.purge.push(self.run);
        }
        leftover.reclaim |= self.rows;
        leftover
    }

    /// Makes it a record of what is left of a commit that could not be written down: the
    /// database is asked again, and might say that everything is to be put back.
    pub(super) fn keep_unwritten(&mut self, leftover: Leftover) {
        self.uncounted = false;
        let paths = std::mem::take(&mut self.paths);
        self.keep(leftover);
        self.paths = paths;
        self.swept = true;
    }

    /// Makes it a record of nothing but `leftover`, and where what has still to be counted lies.
    pub(super) fn keep(&mut self, leftover: Leftover) {
        if self.uncounted {
            // Where what is to be counted lies.
            self.swept = true;
        } else {
            self.paths.clear();
        }
        self.steps.clear();
        self.rows = false;
        self.earlier = leftover;
    }

    /// Makes it a record of nothing but what earlier resets have left.
    pub(super) fn keep_earlier(&mut self) {
        self.entry = None;
        self.uncounted = false;
        let earlier = std::mem::take(&mut self.earlier);
        self.keep(earlier);
    }
}
