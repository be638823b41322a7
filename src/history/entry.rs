//! What the history tells of one run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::report::Pending;
use crate::selection::Selection;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunOutcome {
    /// The reset has happened.
    Completed,
    /// It did not begin.
    Refused,
    /// It failed before its commit, and everything was put back.
    Failed,
    /// It failed before its commit, and not everything could be put back yet.
    NotUndone,
    /// Nobody knows yet whether it is committed.
    Undecided,
}

/// What a run was to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// To clear.
    #[default]
    Reset,
    /// To put back what a backup holds.
    Restore,
}

/// One run of the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The run.
    pub id: Uuid,
    /// Its place in the history. The clock of the machine may be set back; this never is.
    pub number: u64,
    /// What it was to do.
    #[serde(default)]
    pub action: Action,
    /// The backup that was to be made first, or to be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Whether it was interrupted, and ended only later.
    pub recovered: bool,
    /// Who asked for it.
    pub actor: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took until its answer, in milliseconds.
    pub duration_ms: u64,
    /// What was asked for; none when it named what is not there.
    pub selection: Option<Selection>,
    /// Why it did not happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What is still to be done.
    #[serde(default)]
    pub pending: Vec<Pending>,
    /// The [`Report`](crate::Report) as JSON, where the run had come so far. Of a run that was
    /// interrupted after its commit: what its plan, made inside the transaction, said, and what
    /// files were counted in the staging area. Only
    /// [`Engine::history_entry`](crate::Engine::history_entry) gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
}

impl HistoryEntry {
    /// A run that begins now. It counts as refused until more is known.
    pub(crate) fn begun(id: Uuid, actor: Option<String>, selection: Option<Selection>) -> Self {
        Self {
            id,
            number: 0,
            action: Action::Reset,
            backup: None,
            outcome: RunOutcome::Refused,
            recovered: false,
            actor,
            started_at: Timestamp::now(),
            duration_ms: 0,
            selection,
            error: None,
            pending: Vec::new(),
            report: None,
        }
    }
}
