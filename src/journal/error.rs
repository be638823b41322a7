//! Why the journal cannot be gone by.

use std::io::ErrorKind;

use super::file::{LONGEST_BEGUN, VERSION};
use super::record::JournalState;
use crate::data_directory::PathError;

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("could not use the journal")]
    Path(#[from] PathError),
    /// It is not what this crate writes.
    #[error(
        "could not read the journal `{path}`: restore the data directory from a backup, or move \
         the file away after checking which of its paths are where"
    )]
    Format {
        /// The journal.
        path: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another version of this crate wrote it.
    #[error(
        "the journal `{path}` has version {found}, this program knows {VERSION}: \
         start the version that wrote it once, so that it ends the interrupted reset"
    )]
    Version {
        /// The journal.
        path: String,
        /// Its version.
        found: u32,
    },
    /// It would be longer than what is read back after a crash.
    #[error(
        "the journal of this reset would have {bytes} bytes, and {LONGEST_BEGUN} is the most: \
         select fewer steps or tables at a time"
    )]
    TooLong {
        /// How long it would be, in bytes.
        bytes: usize,
    },
    /// The reset is not in the state that the transition starts from.
    #[error("a reset that is {from:?} cannot become {to:?}: please report this")]
    Transition {
        /// The state it is in.
        from: Option<JournalState>,
        /// The state that was asked for.
        to: JournalState,
    },
    /// Another reset of this data directory runs on another database.
    #[error(
        "the interrupted reset belongs to the database `{recorded}`, this host has `{actual}`: \
         start it once with the former"
    )]
    OtherDatabase {
        /// The database in the journal.
        recorded: String,
        /// The host's.
        actual: String,
    },
}

impl JournalError {
    /// Whether there was no free block for it.
    pub(crate) fn is_for_lack_of_room(&self) -> bool {
        let Self::Path(PathError::Io { source, .. }) = self else {
            return false;
        };
        matches!(
            source.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    }
}
