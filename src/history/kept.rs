//! A run as it is kept: in memory, in the journal and on disk.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::entry::{HistoryEntry, RunOutcome};
use crate::error::{ResetError, chain};
use crate::report::{Report, shortened};

/// A run with its report as text, which is read again only for who asks for it: there are
/// hundreds of runs, of any number of steps each.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kept {
    /// All but the report.
    #[serde(flatten)]
    pub(super) entry: HistoryEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Box<RawValue>>,
}

impl Kept {
    /// A run that has happened, as `report` tells.
    pub(crate) fn completed(entry: &HistoryEntry, report: &Report) -> Self {
        let mut entry = entry.clone();
        entry.outcome = RunOutcome::Completed;
        entry.duration_ms = report.duration_ms;
        entry.pending.clone_from(&report.pending);
        Self {
            entry,
            report: text(report),
        }
    }

    /// A run that did not happen, and why.
    pub(crate) fn failed(mut entry: HistoryEntry, error: &ResetError, duration_ms: u64) -> Self {
        entry.outcome = error.outcome();
        entry.duration_ms = duration_ms;
        entry.error = Some(shortened(chain(error)));
        Self {
            entry,
            report: error.report().and_then(text),
        }
    }

    /// Which run it is.
    pub(crate) fn run(&self) -> Uuid {
        self.entry.id
    }

    /// The run with its report.
    pub(super) fn whole(&self) -> HistoryEntry {
        let report = self.report.as_ref();
        HistoryEntry {
            report: report.and_then(|text| serde_json::from_str(text.get()).ok()),
            ..self.entry.clone()
        }
    }
}

impl From<HistoryEntry> for Kept {
    fn from(mut entry: HistoryEntry) -> Self {
        let report = entry.report.take();
        Self {
            entry,
            report: report.and_then(|report| to_raw_value(&report).ok()),
        }
    }
}

/// What may be kept of a report. Strings, numbers and lists of them always make JSON.
fn text(report: &Report) -> Option<Box<RawValue>> {
    to_raw_value(&report.lasting()).ok()
}
