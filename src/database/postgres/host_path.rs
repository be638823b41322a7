//! Where the host's own sessions look names up.

use sqlx::PgConnection;

use super::DatabaseError;
use super::ask::ask;
use super::catalogue::literal;
use super::connect::SEARCH_PATH;
use super::error::failed;

/// The search path that the role, the database or the address sets. The engine's own statements
/// never run with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPath {
    /// The schema in which the host's tables are created, and named without it.
    pub(super) schema: String,
    search_path: String,
}

/// Read before the path is changed, so every name is qualified and every type exact.
const READ: &str = "
    SELECT pg_catalog.current_schema()::pg_catalog.text,
           pg_catalog.current_setting('search_path'::pg_catalog.text)";

impl HostPath {
    /// Reads it on a connection that nothing has been set on.
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, DatabaseError> {
        let mut rows: Vec<(Option<String>, String)> = ask(connection, READ)
            .await
            .map_err(failed("read the current schema"))?;
        let (schema, search_path) = rows.pop().unwrap_or_default();
        let Some(schema) = schema else {
            let error = "no schema of the `search_path` exists: create it first";
            return Err(DatabaseError::new("use the database", error));
        };
        Ok(Self {
            schema,
            search_path,
        })
    }

    /// The statement with which the host's own SQL finds its names in the whole session.
    pub(super) fn set_session(&self) -> String {
        self.set(false)
    }

    /// The same for the rest of the transaction, or until [`engine`].
    pub(super) fn set_local(&self) -> String {
        self.set(true)
    }

    fn set(&self, is_local: bool) -> String {
        let path = literal(&self.search_path);
        format!("SELECT pg_catalog.set_config('search_path', {path}, {is_local})")
    }
}

/// The statement after which the engine's own statements find theirs, for the whole session.
pub(super) fn engine_session() -> String {
    format!("SET search_path = {SEARCH_PATH}")
}

/// The statement after which the engine's own statements find theirs, for the rest of the
/// transaction.
pub(super) fn engine() -> String {
    format!("SET LOCAL search_path = {SEARCH_PATH}")
}
