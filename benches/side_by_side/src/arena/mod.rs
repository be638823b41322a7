//! Where a contest takes place: data that is made anew, and equal, for each contestant.

mod files;
mod linked;
mod original;
mod postgres;
mod sqlite;
mod together;

use std::path::{Path, PathBuf};

pub(crate) use files::Files;
pub(crate) use original::PRESERVED;
pub(crate) use postgres::{Server, Tables};
pub(crate) use sqlite::{MIGRATIONS, Rows};
pub(crate) use together::Together;

use crate::failure::Failure;

/// What contestants work on, and all in it is theirs to clear.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The data directory of a host.
    pub(crate) directory: PathBuf,
    /// Its database: a file, or an address.
    pub(crate) database: String,
    /// Its media.
    pub(crate) media: PathBuf,
}

impl Field {
    /// The file of a database of SQLite's.
    pub(crate) fn file(&self) -> Option<&Path> {
        let is_file = !self.database.is_empty() && self.address().is_none();
        is_file.then(|| Path::new(&self.database))
    }

    /// The address of a database of PostgreSQL's.
    pub(crate) fn address(&self) -> Option<&str> {
        let is_address = self.database.starts_with("postgres:");
        is_address.then_some(self.database.as_str())
    }
}

/// What a contestant has left, as found out afterwards.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Left {
    /// How many bytes of the disk the data still take.
    pub(crate) bytes: Option<u64>,
    /// Whether what was cleared can still be read in the files.
    pub(crate) is_readable: Option<bool>,
    /// Whether the rows of a fresh install are there.
    pub(crate) has_factory_rows: Option<bool>,
}

/// Makes fields, and looks at them afterwards.
pub(crate) trait Arena {
    /// A field of its own for one contestant, on the disk and in the page cache.
    fn prepare(&self) -> Result<Field, Failure>;

    /// Fails unless everything that was to be cleared is, and everything else is not.
    fn inspect(&self, field: &Field) -> Result<Left, Failure>;

    /// Takes the field away.
    fn clean(&self, field: &Field) -> Result<(), Failure>;
}
