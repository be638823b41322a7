//! The durable record from which an interrupted reset is finished or undone.
//!
//! How far a reset is stands in the *name* of the file, so that the step from `prepared` to
//! `committed` is one rename, which needs no free block on a full disk.

mod error;
mod file;
#[cfg(feature = "cli")]
mod look;
mod record;
mod transitions;

pub use error::JournalError;
#[cfg(feature = "cli")]
pub(crate) use look::look;
pub use record::JournalState;
pub(crate) use record::{JournalRecord, Leftover};
pub(crate) use transitions::Journal;
