//! Statements that refuse to go on, for a reason that only the server knows: what follows them in
//! the same text does not run, and no round trip lies in between.

use super::error::server_error;

/// What encloses the reason in the server's message.
const MARK: (&str, &str) = ("factory-reset[", "]");

/// The statement that fails with `reason`, which is SQL for a text, for the first row of `rows`,
/// which begins with `FROM`.
pub(super) fn refuse(reason: &str, rows: &str) -> String {
    // There is no statement that raises an error of its own without a procedural language; a text
    // that is no number does. The planner must not see that it is a constant, otherwise it raises
    // the error for no row.
    let (begin, end) = MARK;
    format!(
        "SELECT ('{begin}' || refused.reason || '{end}')::pg_catalog.int4 \
         FROM (SELECT {reason} AS reason {rows} OFFSET 0) AS refused"
    )
}

/// The reason, if `error` comes from a statement of [`refuse`].
pub(super) fn reason(error: &sqlx::Error) -> Option<String> {
    let error = server_error(error).filter(|error| error.code() == "22P02")?;
    let (_, rest) = error.message().split_once(MARK.0)?;
    let (reason, _) = rest.rsplit_once(MARK.1)?;
    Some(reason.to_owned())
}
