//! What of an answer is shown to people. What this version does not know is passed over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::history::{Action, RunOutcome};
use crate::report::Pending;

/// A plan, or the report of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plan {
    pub(super) run: Option<Uuid>,
    pub(super) digest: String,
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
    pub(super) way: String,
    #[serde(default)]
    pub(super) because: Option<String>,
}

/// A plan of everything, and what may be chosen of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Options {
    pub(super) confirmation: Option<String>,
    #[serde(default)]
    pub(super) backups: bool,
    #[serde(default)]
    pub(super) keep: Vec<Kept>,
    #[serde(default)]
    pub(super) parts: BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    pub(super) plan: Plan,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) reason: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) counts: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) bytes: Option<u64>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) outcome: String,
    pub(super) count: u64,
    pub(super) unit: String,
    #[serde(default)]
    pub(super) kept: u64,
    #[serde(default)]
    pub(super) bytes: Option<u64>,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) ephemeral: bool,
}

impl Item {
    /// Whether it was or is there.
    pub(super) fn is_there(&self) -> bool {
        self.outcome != "absent" && (self.count > 0 || self.bytes.is_some_and(|bytes| bytes > 0))
            || self.message.is_some()
            || self.kept > 0
    }
}

/// What is preserved, unclaimed, or in the way.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) reason: String,
}

/// The answer to a run.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    pub(super) message: String,
    pub(super) report: Plan,
}

/// The answer to a backup, or to the removal of one.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Backups {
    pub(super) backups: Vec<Backup>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Backup {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) created_at: Timestamp,
    #[serde(default)]
    pub(super) contents: Vec<Contents>,
    #[serde(default)]
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Contents {
    pub(super) label: String,
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
        self.tables.iter().map(|table| table.rows).sum()
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
    pub(super) backup: Option<String>,
    pub(super) outcome: RunOutcome,
    pub(super) recovered: bool,
    pub(super) actor: Option<String>,
    pub(super) started_at: Timestamp,
    pub(super) duration_ms: u64,
    #[serde(default)]
    pub(super) error: Option<String>,
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

impl Run {
    /// Whether nobody knows yet what has become of it, or not everything is back.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.outcome, RunOutcome::NotUndone | RunOutcome::Undecided)
    }
}
