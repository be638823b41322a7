//! What stands in the way of a reset.

use serde::{Deserialize, Serialize};

use crate::item::ItemKind;

/// Something that would keep a reset from succeeding, found before anything is changed. While
/// there is any, the reset is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Blocker {
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Which one: the table's name, the path below the data directory.
    pub name: String,
    /// Why it cannot be cleared, and what to do about it.
    pub reason: String,
}

impl Blocker {
    /// Says that `name` cannot be cleared.
    #[must_use]
    pub fn new(kind: ItemKind, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            reason: reason.into(),
        }
    }
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` {}", self.name, self.reason)
    }
}

/// All of them in one line.
pub(crate) fn list(blockers: &[Blocker]) -> String {
    let all: Vec<_> = blockers.iter().map(ToString::to_string).collect();
    all.join("; ")
}
