//! What can go wrong in a database.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A database refused, or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct DatabaseError {
    action: String,
    source: Source,
}

impl DatabaseError {
    /// Says what was tried (`count table `x``), and what the database answered.
    pub fn new(action: impl Into<String>, source: impl Into<Source>) -> Self {
        Self {
            action: action.into(),
            source: source.into(),
        }
    }

    /// The same for use with `map_err`.
    #[cfg(feature = "sqlite")]
    pub(crate) fn on(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::new(action, source)
    }
}
