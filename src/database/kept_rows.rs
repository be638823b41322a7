//! Rows that a reset can be asked to keep.

/// Rows that the host says survive a reset when a selection asks for it: a test user, a demo
/// account. What they refer to by foreign keys survives with them.
///
/// ```
/// use factory_reset::KeptRows;
/// let test_user = KeptRows::new("test_user", "the user that tests sign in as")
///     .rows("users", "username = 'test'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRows {
    name: String,
    reason: String,
    rows: Vec<(String, String)>,
}

impl KeptRows {
    /// Rows that selections ask for by `name`; `reason` says what they are good for.
    #[must_use]
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            reason: reason.into(),
            rows: Vec::new(),
        }
    }

    /// Adds the rows of `table` for which `condition` is true: an SQL expression over the
    /// table's columns, in the database's own dialect. It is put into statements as it is, so
    /// it must never be made of what somebody has sent. PostgreSQL looks its names up in
    /// `pg_catalog` alone: write what is in another schema with its name, such as `public.users`.
    #[must_use]
    pub fn rows(mut self, table: impl Into<String>, condition: impl Into<String>) -> Self {
        self.rows.push((table.into(), condition.into()));
        self
    }

    /// The same with the names of tables as the database spells them.
    pub(crate) fn spelled(mut self, spell: impl Fn(String) -> String) -> Self {
        let rows = self.rows.into_iter();
        self.rows = rows
            .map(|(table, condition)| (spell(table), condition))
            .collect();
        self
    }

    /// By which name selections ask for them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What they are good for.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Each table with the condition that its rows fulfil.
    pub fn conditions(&self) -> impl Iterator<Item = (&str, &str)> {
        let rows = self.rows.iter();
        rows.map(|(table, condition)| (table.as_str(), condition.as_str()))
    }
}
