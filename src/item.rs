//! One thing that a step clears.

use serde::{Deserialize, Serialize};

/// What became of an item; in a preview, what would become of it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was there and is gone.
    Removed,
    /// It was put back from a backup.
    Restored,
    /// There was nothing.
    Absent,
    /// It was left as it is.
    Preserved,
    /// It could not be cleared; [`Item::message`] says why.
    Failed,
}

/// What kind of thing an item is, and so what its count counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ItemKind {
    /// A database table; counts rows.
    Table,
    /// A path in the data directory: a file, a directory with all that is in it, or a
    /// symbolic link; counts files.
    Path,
    /// Something that runs; counts tasks.
    Task,
    /// State that this process holds in memory; counts entries.
    Memory,
    /// Keys in a cache or an object store; counts entries.
    Keys,
    /// A trigger of the database. Nothing clears one; it can be [unclaimed](crate::Unclaimed).
    Trigger,
    /// A view of the database; as with a trigger.
    View,
    /// An index of the database; as with a trigger.
    Index,
}

impl ItemKind {
    /// What an item's count counts, in the plural.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Table => "rows",
            Self::Path => "files",
            Self::Task => "tasks",
            Self::Memory | Self::Keys | Self::Trigger | Self::View | Self::Index => "entries",
        }
    }
}

/// One thing that a step clears: a table, a path, a running task. The same type stands
/// in a plan, where the outcome is the one to expect, and in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Which one: the table's name, the path below the data directory.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many rows, files, tasks or entries it held.
    pub count: u64,
    /// What `count` counts.
    pub unit: &'static str,
    /// How many rows of it stay, because the selection keeps them; not in `count`.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept: u64,
    /// Its size in bytes, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why it failed, or another remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it is in no backup, and every restore clears it: sessions, one-time tokens, signing
    /// keys.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ephemeral: bool,
    #[serde(skip)]
    is_own_name: bool,
}

impl Item {
    /// An item that is there and holds `count` units.
    #[must_use]
    pub fn removed(kind: ItemKind, name: impl Into<String>, count: u64) -> Self {
        Self {
            kind,
            name: name.into(),
            outcome: Outcome::Removed,
            count,
            unit: kind.unit(),
            kept: 0,
            bytes: None,
            message: None,
            ephemeral: false,
            is_own_name: false,
        }
    }

    /// An item that was put back, and holds `count` units now.
    #[cfg(feature = "backup")]
    #[must_use]
    pub fn restored(kind: ItemKind, name: impl Into<String>, count: u64) -> Self {
        Self {
            outcome: Outcome::Restored,
            ..Self::removed(kind, name, count)
        }
    }

    /// An item that is not there.
    #[must_use]
    pub fn absent(kind: ItemKind, name: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Absent,
            ..Self::removed(kind, name, 0)
        }
    }

    /// The same item, under a name that is the program's own, and nothing that anybody has
    /// written: it may outlive the reset in the history and in repeated answers. Tables, paths
    /// and keys need not say so; what else has another name is summed up there under the step's
    /// label.
    #[must_use]
    pub fn own_name(mut self) -> Self {
        self.is_own_name = true;
        self
    }

    /// Whether its name may outlive the reset.
    pub(crate) fn keeps_name(&self) -> bool {
        self.is_own_name || matches!(self.kind, ItemKind::Table | ItemKind::Path | ItemKind::Keys)
    }

    /// The same item with its size in bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The same item with the number of rows that stay.
    #[must_use]
    pub fn kept(mut self, rows: u64) -> Self {
        self.kept = rows;
        self
    }

    /// The same item, marked as ephemeral or not.
    pub(crate) fn ephemeral(mut self, is_ephemeral: bool) -> Self {
        self.ephemeral = is_ephemeral;
        self
    }

    /// The same item, failed for the reason in `message`.
    #[must_use]
    pub fn failed(mut self, message: impl Into<String>) -> Self {
        self.outcome = Outcome::Failed;
        self.message = Some(message.into());
        self
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
