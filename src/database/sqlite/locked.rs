//! What SQLite's own message about a lock does not say: what to do about it.

use super::DatabaseError;

/// Another connection was in the way for longer than we wait.
#[derive(Debug, thiserror::Error)]
#[error("another connection holds the lock: end what it does, or raise `.lock_timeout(…)`")]
struct Locked(#[source] sqlx::Error);

/// For `map_err`: says what was tried, and the remedy when somebody else holds the lock.
pub(super) fn failed(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> DatabaseError {
    move |error| match is_busy(&error) {
        true => DatabaseError::new(action, Locked(error)),
        false => DatabaseError::on(action)(error),
    }
}

/// Whether another connection's lock is the reason: the low byte of SQLite's result code.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let error = error.as_database_error();
    let code = error.and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_BUSY)
}
