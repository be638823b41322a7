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

/// An expression in a SQLite schema calls what it may not.
#[cfg(feature = "sqlite")]
#[derive(Debug, thiserror::Error)]
#[error(
    "an expression in the schema calls what SQLite does not know to be harmless: drop the \
     expression, or open the database by `Sqlite::open_trusted` where nobody but the host can \
     write to its schema"
)]
struct Untrusted(#[source] sqlx::Error);

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
        // SQLite's words for what `trusted_schema` forbids; it has no code for it.
        let is_untrusted = |source: &sqlx::Error| {
            let source = source.as_database_error();
            source.is_some_and(|source| source.message().contains("unsafe use of "))
        };
        move |source| match is_untrusted(&source) {
            true => Self::new(action, Untrusted(source)),
            false => Self::new(action, source),
        }
    }
}

/// The words of a server that says them better than its library does: there is none.
#[cfg(not(feature = "postgres"))]
pub(crate) fn answer(_: &(dyn std::error::Error + 'static)) -> Option<String> {
    None
}
