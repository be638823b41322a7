//! What can go wrong in a database.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A database refused, or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct DatabaseError {
    action: String,
    source: Source,
    rolled_back: bool,
}

impl DatabaseError {
    /// Says what was tried (`count table `x``), and what the database answered.
    pub fn new(action: impl Into<String>, source: impl Into<Source>) -> Self {
        Self {
            action: action.into(),
            source: source.into(),
            rolled_back: false,
        }
    }

    /// Says of a failed commit that nothing of it was written and the transaction is rolled
    /// back, so that there is nothing to decide.
    #[must_use]
    pub fn rolled_back(mut self) -> Self {
        self.rolled_back = true;
        self
    }

    pub(crate) fn is_rolled_back(&self) -> bool {
        self.rolled_back
    }

    /// The same for use with `map_err`.
    #[cfg(feature = "sqlite")]
    pub(crate) fn on(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::new(action, source)
    }
}

/// The words of a server that says them better than its library does: there is none.
#[cfg(not(feature = "postgres"))]
pub(crate) fn answer(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}
