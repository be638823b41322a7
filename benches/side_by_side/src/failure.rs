//! What ends the bench.

/// Anything that goes wrong: a bench has nobody to tell it apart for.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
