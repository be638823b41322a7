//! A reference that a reset would break.

/// Rows of a table that stays which refer to rows of one that would be cleared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Reference {
    /// The table whose rows refer.
    pub table: String,
    /// The table whose rows would go.
    pub parent: String,
    /// How many rows refer.
    pub rows: u64,
}

impl Reference {
    /// `rows` rows of `table` refer to rows of `parent` that would go.
    #[must_use]
    pub fn new(table: impl Into<String>, parent: impl Into<String>, rows: u64) -> Self {
        Self {
            table: table.into(),
            parent: parent.into(),
            rows,
        }
    }
}
