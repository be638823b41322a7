//! Demo data: rows in every table, generated files and cached keys, so that a fresh install
//! has something to lose.
//!
//! Every value but secrets derives from the number of its row or file, so two fillings are
//! alike.

mod cache;
mod database;
mod files;
mod operations;
mod reading;
mod words;
mod writing;

use std::io;

use shared_host::HashingError;

use crate::AppState;
pub(crate) use database::ADMINISTRATOR;

/// Why the example data cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The rows.
    #[error("failed to write example rows")]
    Rows(#[from] sqlx::Error),
    /// The generated files.
    #[error("failed to write example files")]
    Files(#[from] io::Error),
    /// The passwords of the users.
    #[error("failed to hash an example password")]
    Passwords(#[from] HashingError),
}

/// Whether nobody has used the service yet: there is neither a row nor a generated file.
pub(crate) async fn is_fresh(state: &AppState) -> Result<bool, DemoError> {
    Ok(state.files.is_fresh()? && database::is_empty(&state.database).await?)
}

/// Makes of a fresh install one that has been used for a while.
pub(crate) async fn fill(state: &AppState) -> Result<(), DemoError> {
    database::fill(&state.database, &state.hashing).await?;
    let files = state.files.clone();
    tokio::task::spawn_blocking(move || files::fill(&files))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))?;
    cache::fill(&state.cache).await;
    tracing::info!("wrote example data");
    Ok(())
}
