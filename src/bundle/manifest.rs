//! What a bundle says about itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::BundleFault;
use super::layout;
use super::name::BundleName;

/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

/// How long a manifest may be, in bytes.
pub(super) const LONGEST: u64 = 16 * 1024 * 1024;

/// What a bundle holds, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// The version of the format.
    pub version: u32,
    /// The backup.
    pub name: BundleName,
    /// When it was begun.
    pub created_at: Timestamp,
    /// The reset that it was made for.
    pub run: Option<Uuid>,
    /// The format in which the database wrote its rows.
    pub database: Option<String>,
    /// What each step saved.
    pub contents: Vec<SavedStep>,
    /// How many files and directories follow the manifest and the sums.
    pub entries: u64,
    /// The bytes of those files.
    pub bytes: u64,
}

/// What one step saved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedStep {
    /// The step.
    pub id: String,
    /// What people read as its name.
    pub label: String,
    /// The tables of the database.
    pub tables: Vec<SavedTable>,
    /// The paths in the data directory.
    pub paths: Vec<SavedPath>,
    /// What else the step saved, by names of its own.
    pub entries: Vec<String>,
    /// The tables and paths of the step that are in no bundle: sessions, one-time tokens, signing
    /// keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ephemeral: Vec<String>,
}

impl SavedStep {
    /// Where in the archive that lies which there is of it.
    pub(super) fn sections(&self) -> impl Iterator<Item = String> {
        let tables = self.tables.iter().map(|table| &table.name);
        let paths = self.paths.iter().filter(|path| path.there);
        let tables = tables.map(|table| layout::table_path(&self.id, table));
        let paths = paths.map(|path| layout::claimed_path(&self.id, &path.name));
        let entries = self.entries.iter();
        let entries = entries.map(|entry| layout::entry_path(&self.id, entry));
        tables.chain(paths).chain(entries)
    }
}

/// A table of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedTable {
    /// The table.
    pub name: String,
    /// How many rows of it there are.
    pub rows: u64,
    /// What the table was like.
    pub definition: String,
    /// Where its rows lie in the archive, in numbered parts.
    pub path: String,
}

impl SavedTable {
    /// A table that `step` saved.
    #[must_use]
    pub fn new(step: &str, name: impl Into<String>, rows: u64, definition: String) -> Self {
        let name = name.into();
        let path = layout::table_path(step, &name);
        Self {
            name,
            rows,
            definition,
            path,
        }
    }
}

/// A path in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPath {
    /// The path.
    pub name: String,
    /// Whether there was anything.
    pub there: bool,
    /// How many files there were; directories are not counted.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
}

impl Manifest {
    /// Reads a manifest of this version.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BundleFault> {
        /// Other versions may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }

        let Versioned { version } = serde_json::from_slice(text).map_err(BundleFault::Manifest)?;
        if version != VERSION {
            return Err(BundleFault::Version(version));
        }
        serde_json::from_slice(text).map_err(BundleFault::Manifest)
    }
}
