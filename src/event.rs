//! Facts about the progress of a reset.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::descriptor::{Phase, StepId};

/// How many events a slow listener can lag behind before it misses some.
const CAPACITY: usize = 1024;

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

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A reset was asked for. Opens a run.
    ResetStarted,
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
    /// A step was applied.
    StepFinished {
        /// The step.
        step: StepId,
        /// How many items it removed.
        removed: usize,
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
        matches!(self, Self::ResetFinished { .. } | Self::ResetFailed { .. })
    }
}

/// Sends the events of one run. Nobody needs to listen.
#[derive(Debug)]
pub(crate) struct Progress {
    sender: broadcast::Sender<Event>,
    run: Uuid,
    next: AtomicU64,
    started: Instant,
}

impl Progress {
    pub(crate) fn new(sender: broadcast::Sender<Event>, run: Uuid) -> Self {
        Self {
            sender,
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
        // An error says that nobody listens, which is no concern of the reset.
        let _ = self.sender.send(Event {
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

pub(crate) fn channel() -> broadcast::Sender<Event> {
    broadcast::Sender::new(CAPACITY)
}
