//! How a database empties itself.

use serde::Serialize;

/// The way in which a database brings its tables to their factory state. Both are one
/// transaction, and end with the same rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "way", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Way {
    /// A database that holds the factory rows, and the few that stay, takes the place of this
    /// one. That costs as much as a fresh install is large, however many rows go.
    FactoryImage,
    /// Rows are deleted table by table, and the factory rows put back.
    Clearing {
        /// What keeps the database from the faster way, where it knows one.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
}

impl Way {
    /// Clearing, because it cannot be otherwise.
    pub(crate) fn clearing(because: impl Into<String>) -> Self {
        Self::Clearing {
            because: Some(because.into()),
        }
    }
}
