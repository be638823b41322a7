//! What PostgreSQL's own messages do not say: what to do about it.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::DatabaseError;

/// A refusal of the server's with the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{remedy}")]
struct Refused {
    remedy: &'static str,
    source: sqlx::Error,
}

/// For `map_err`: says what was tried, and the remedy where one is known.
pub(super) fn failed(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    move |source| match remedy(&source) {
        Some(remedy) => DatabaseError::new(action, Refused { remedy, source }),
        None => DatabaseError::new(action, source),
    }
}

fn remedy(error: &sqlx::Error) -> Option<&'static str> {
    let error = server_error(error)?;
    match error.code() {
        "55P03" => {
            Some("another connection holds a lock: end what it does, or raise `.lock_timeout(…)`")
        }
        "40P01" => Some("another connection waits for what this one holds: try again"),
        "42501" if error.message().contains("row-level security") => Some(
            "policies hide rows from this role, so they can be neither counted nor cleared: \
             give it BYPASSRLS, or make it the owner and drop FORCE ROW LEVEL SECURITY",
        ),
        _ => None,
    }
}

/// What the server itself has answered.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// Whether the server has refused this one statement and lives on. One that ends the
/// connection says nothing about what became of a COMMIT.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.severity() == PgSeverity::Error)
}

/// Whether the role may not do it.
pub(super) fn is_denied(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == "42501")
}
