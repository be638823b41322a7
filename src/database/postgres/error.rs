//! What PostgreSQL's own messages do not say: what to do about it.

use std::error::Error;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::DatabaseError;
use super::refusal::reason;

/// A refusal of the server's with the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{remedy}")]
struct Refused {
    remedy: &'static str,
    source: sqlx::Error,
}

/// For `map_err`: says what was tried, and the remedy where one is known.
pub(super) fn failed(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    move |source| match (reason(&source), remedy(&source)) {
        (Some(reason), _) => DatabaseError::new(action, reason),
        (None, Some(remedy)) => DatabaseError::new(action, Refused { remedy, source }),
        (None, None) => DatabaseError::new(action, source),
    }
}

/// What to do about it, where that is known.
pub(super) fn remedy(error: &sqlx::Error) -> Option<&'static str> {
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
        "42501" if error.message().contains(" table ") => {
            Some("make this role the owner of the table, or leave the table out")
        }
        _ => None,
    }
}

/// What the server itself has answered.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

/// What the server has answered, in one line, should `error` be about that. sqlx's own text ends
/// in a line of the server's source, which reads as one of a script.
pub(crate) fn answer(error: &(dyn Error + 'static)) -> Option<String> {
    let error = server_error(error.downcast_ref()?)?;
    // The details of a broken constraint quote the row.
    let is_about_a_row = error.code().starts_with("23");
    let detail = error.detail().filter(|_| !is_about_a_row);
    let more = detail.into_iter().chain(error.hint());
    let more: Vec<String> = more.map(|text| line(text.trim_end_matches('.'))).collect();
    let message = line(error.message());
    Some(if more.is_empty() {
        message
    } else {
        format!("{message} ({})", more.join("; "))
    })
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the server has refused this one statement and lives on. One that ends the
/// connection says nothing about what became of a COMMIT.
pub(super) fn is_refusal(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.severity() == PgSeverity::Error)
}

/// Whether a function, operator, relation or type is not found.
pub(super) fn is_unknown(error: &sqlx::Error) -> bool {
    let unknown = ["42883", "42P01", "42704"];
    server_error(error).is_some_and(|error| unknown.contains(&error.code()))
}

/// Whether the role may not do it.
pub(super) fn is_denied(error: &sqlx::Error) -> bool {
    server_error(error).is_some_and(|error| error.code() == "42501")
}
