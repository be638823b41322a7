//! The durable record from which an interrupted reset is finished or undone.
//!
//! How far a reset is stands in the *name* of the file, so that the step from `prepared` to
//! `committed` is one rename, which needs no free block on a full disk.

mod error;
mod file;
mod record;
mod transitions;

pub use error::JournalError;
pub use record::JournalState;
pub(crate) use record::{JournalRecord, Leftover};
pub(crate) use transitions::Journal;
