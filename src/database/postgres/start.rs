//! Which start of a server a connection is to.

use sqlx::PgConnection;

use super::ask::ask;

/// When the server was started, and its last checkpoint when the connection was opened. One that
/// crashes may forget what it has acknowledged, where a host does not wait for the disk, and give
/// the same transaction numbers once more; so may another that takes its place. But it begins
/// with a checkpoint of its own, and ends all connections to what it was before: where these are
/// the same, nothing has been forgotten between the one connection and the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start(String);

impl Start {
    /// What `connection` is to; nothing where the role may not know.
    pub(super) async fn of(connection: &mut PgConnection) -> Option<Self> {
        let sql = "SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::pg_catalog.text, \
                          checkpoint_lsn::pg_catalog.text \
                   FROM pg_catalog.pg_control_checkpoint()";
        let mut starts: Vec<(String, String)> = ask(connection, sql).await.ok()?;
        let (time, checkpoint) = starts.pop()?;
        Some(Self(format!("{time} {checkpoint}")))
    }
}
