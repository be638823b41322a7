//! What of an answer is shown to people. What this version does not know is passed over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::untrusted::Untrusted;
use crate::history::{Action, RunOutcome};

/// A plan, or the report of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plan {
    pub(super) run: Option<Uuid>,
    pub(super) digest: Untrusted,
    pub(super) duration_ms: u64,
    pub(super) database: Option<Way>,
    pub(super) steps: Vec<Step>,
    pub(super) preserved: Vec<Named>,
    pub(super) unclaimed: Vec<Named>,
    pub(super) blockers: Vec<Named>,
    pub(super) pending: Vec<Pending>,
}

/// In which way the database is emptied.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Way {
    pub(super) way: Untrusted,
    #[serde(default)]
    pub(super) because: Option<Untrusted>,
}

/// Work of a committed run that is not completed yet.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pending {
    pub(super) work: Untrusted,
    pub(super) error: Untrusted,
}

/// A plan of everything, and what may be chosen of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Options {
    pub(super) confirmation: Option<Untrusted>,
    #[serde(default)]
    pub(super) backups: bool,
    #[serde(default)]
    pub(super) keep: Vec<Kept>,
    #[serde(default)]
    pub(super) parts: BTreeMap<Untrusted, Vec<Untrusted>>,
    #[serde(flatten)]
    pub(super) plan: Plan,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Kept {
    pub(super) name: Untrusted,
    pub(super) reason: Untrusted,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Step {
    pub(super) id: Untrusted,
    pub(super) label: Untrusted,
    pub(super) counts: BTreeMap<Untrusted, u64>,
    #[serde(default)]
    pub(super) bytes: Option<u64>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Item {
    pub(super) name: Untrusted,
    pub(super) outcome: Untrusted,
    pub(super) count: u64,
    pub(super) unit: Untrusted,
    #[serde(default)]
    pub(super) kept: u64,
    #[serde(default)]
    pub(super) bytes: Option<u64>,
    #[serde(default)]
    pub(super) message: Option<Untrusted>,
    #[serde(default)]
    pub(super) ephemeral: bool,
}

impl Item {
    /// Whether it was or is there.
    pub(super) fn is_there(&self) -> bool {
        self.outcome.raw() != "absent"
            && (self.count > 0 || self.bytes.is_some_and(|bytes| bytes > 0))
            || self.message.is_some()
            || self.kept > 0
    }
}

/// What is preserved, unclaimed, or in the way.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    pub(super) kind: Untrusted,
    pub(super) name: Untrusted,
    #[serde(default)]
    pub(super) reason: Untrusted,
}

/// The answer to a run.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    pub(super) message: Untrusted,
    pub(super) report: Plan,
}

/// The answer to a backup, or to the removal of one.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) message: Untrusted,
}

#[derive(Debug, Deserialize)]
pub(super) struct Backups {
    pub(super) backups: Vec<Backup>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Backup {
    pub(super) name: Untrusted,
    pub(super) bytes: u64,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) contents: Vec<Contents>,
    #[serde(default)]
    pub(super) error: Option<Untrusted>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Contents {
    pub(super) label: Untrusted,
    pub(super) tables: Vec<Table>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Table {
    pub(super) rows: u64,
}

impl Contents {
    pub(super) fn rows(&self) -> u64 {
        sum(self.tables.iter().map(|table| table.rows))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Runs {
    pub(super) runs: Vec<Run>,
}

/// A run of the past.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) action: Action,
    #[serde(default)]
    pub(super) backup: Option<Untrusted>,
    pub(super) outcome: RunOutcome,
    pub(super) recovered: bool,
    pub(super) actor: Option<Untrusted>,
    pub(super) started_at: Timestamp,
    pub(super) duration_ms: u64,
    #[serde(default)]
    pub(super) error: Option<Untrusted>,
    #[serde(default)]
    pub(super) pending: Vec<Pending>,
    #[serde(default)]
    pub(super) report: Option<Plan>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) success: bool,
    pub(super) error: String,
    #[serde(default)]
    pub(super) report: Option<serde_json::Value>,
}

/// The sum of `counts`, which a server may have made up.
pub(super) fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

impl Run {
    /// Whether nobody knows yet what has become of it, or not everything is back.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, RunOutcome::NotUndone | RunOutcome::Undecided)
    }
}
