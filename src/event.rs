//! Facts about the progress of a reset.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use uuid::Uuid;

use crate::descriptor::{Phase, StepId};
use crate::event_log::EventLog;

/// One fact about progress, numbered within its run.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The reset that it is about.
    pub run: Uuid,
    /// Its number in that run, from 0.
    pub index: u64,
    /// Milliseconds since the run began.
    pub elapsed_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Event {
    /// What a listener that comes back names as the last event that it has seen.
    #[must_use]
    pub fn id(&self) -> EventId {
        EventId {
            run: self.run,
            index: self.index,
        }
    }
}

/// One event among all: `<run>:<index>` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventId {
    /// The run.
    pub run: Uuid,
    /// The event's number in it.
    pub index: u64,
}

/// Not the text of an [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no event's id: it is a run's, a `:` and a number")]
pub struct InvalidEventId(String);

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.run, self.index)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once(':')
            .and_then(|(run, index)| Some((run.parse().ok()?, index.parse().ok()?)));
        let (run, index) = parsed.ok_or_else(|| InvalidEventId(text.to_owned()))?;
        Ok(Self { run, index })
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A reset was asked for. Opens a run.
    ResetStarted,
    /// A restoration was asked for. Opens a run.
    RestoreStarted,
    /// A backup by itself was asked for. Opens a run, which no history knows.
    BackupStarted {
        /// Its name.
        name: String,
    },
    /// The backup that was asked for before a reset is made.
    BackupMade {
        /// Its name.
        name: String,
    },
    /// A backup by itself is made. Closes its run.
    BackupFinished {
        /// Its name.
        name: String,
    },
    /// A backup by itself could not be made. Closes its run.
    BackupFailed {
        /// Why.
        error: String,
    },
    /// Nothing speaks against it: it begins.
    Planned {
        /// How many steps are selected.
        steps: usize,
    },
    /// No other request is under way any more.
    Drained,
    /// A step is about to be applied.
    StepStarted {
        /// The step.
        step: StepId,
        /// Its phase.
        phase: Phase,
    },
    /// A step goes on: told a few times a second at most.
    StepProgressed {
        /// The step.
        step: StepId,
        /// How much of it is done.
        done: u64,
        /// How much there is, if that is known.
        total: Option<u64>,
        /// What is counted, in the plural.
        unit: &'static str,
    },
    /// A backup goes on: told a few times a second at most.
    BackupProgressed {
        /// How much of it is done.
        done: u64,
        /// How much there is, if that is known.
        total: Option<u64>,
        /// What is counted, in the plural.
        unit: &'static str,
    },
    /// A step was applied.
    StepFinished {
        /// The step.
        step: StepId,
        /// How many items it removed.
        removed: usize,
        /// What they held, or hold now that they are back, by unit: rows, files. Where more than a
        /// thousand files go, those are the ones that the reset's own plan has counted; the report
        /// has the exact number.
        counts: BTreeMap<&'static str, u64>,
    },
    /// The reset is decided: what is left is cleaning up.
    Committed,
    /// Something failed; everything is put back.
    Undoing,
    /// The reset has happened. Closes the run.
    ResetFinished {
        /// How many things could not be finished yet.
        pending: usize,
    },
    /// The reset has not happened, or nobody knows yet. Closes the run.
    ResetFailed {
        /// Why.
        error: String,
    },
}

impl EventKind {
    /// Whether no event of the run comes after this one.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::ResetFinished { .. }
                | Self::ResetFailed { .. }
                | Self::BackupFinished { .. }
                | Self::BackupFailed { .. }
        )
    }
}

/// Sends the events of one run. Nobody needs to listen.
#[derive(Debug)]
pub(crate) struct Progress {
    log: Arc<EventLog>,
    run: Uuid,
    next: AtomicU64,
    started: Instant,
}

impl Progress {
    pub(crate) fn new(log: Arc<EventLog>, run: Uuid) -> Self {
        Self {
            log,
            run,
            next: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        elapsed_ms(self.started)
    }

    pub(crate) fn send(&self, kind: EventKind) {
        tracing::debug!(run = %self.run, ?kind, "reset");
        self.log.add(Event {
            run: self.run,
            index: self.next.fetch_add(1, Ordering::Relaxed),
            elapsed_ms: self.elapsed_ms(),
            kind,
        });
    }
}

/// Milliseconds since `started`.
pub(crate) fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
