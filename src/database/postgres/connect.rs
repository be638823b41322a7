//! Connections of the engine's own.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::error::failed;
use super::host_path::HostPath;
use super::{DatabaseError, run};

/// How long connecting may take: a host that answers nothing is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where every session of the engine looks names up. A schema that other roles can write to would
/// hide a function, operator or type of the server behind one of theirs; so every name of another
/// schema is written with that.
pub(super) const SEARCH_PATH: &str = "pg_catalog, pg_temp";

/// What must hold whatever the server, the database or the role has as default. The search path
/// is the first, because a statement is analysed only after the one before it has run. This text
/// is the only one that is read with the settings that the session began with, so it holds no
/// backslash.
///
/// Then: no limit but for locks, every row or an error, text that reads back the same and names
/// that are quoted only where they must be, new tables in the usual place, a connection
/// that ends when its client is gone, and a commit that is durable. What is compiled runs once,
/// and takes longer to compile than to run.
const SESSION: &str = "
    SET search_path = pg_catalog, pg_temp;
    SET standard_conforming_strings = on;
    SET quote_all_identifiers = off;
    SET transform_null_equals = off;
    SET array_nulls = on;
    SET exit_on_error = off;
    SET default_tablespace = '';
    SET default_table_access_method = heap;
    SET gin_fuzzy_search_limit = 0;
    SET vacuum_cost_delay = 0;
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET row_security = off;
    SET DateStyle = 'ISO, YMD';
    SET IntervalStyle = 'postgres';
    SET extra_float_digits = 1;
    SET bytea_output = 'hex';
    SET xmlbinary = 'base64';
    SET xmloption = 'content';
    SET tcp_keepalives_idle = 15;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET jit = off;
    SELECT pg_catalog.set_config('idle_session_timeout', '0', false)
        WHERE pg_catalog.current_setting('idle_session_timeout', true) IS NOT NULL;
    SELECT pg_catalog.set_config('transaction_timeout', '0', false)
        WHERE pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL;
    SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
        WHERE pg_catalog.current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
";

/// How to connect.
#[derive(Clone)]
pub(super) struct Connect {
    options: PgConnectOptions,
    lock_timeout: Duration,
}

/// The options would show the password.
impl std::fmt::Debug for Connect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connect")
            .field("address", &self.address())
            .field("database", &self.options.get_database())
            .field("lock_timeout", &self.lock_timeout)
            .finish_non_exhaustive()
    }
}

impl Connect {
    pub(super) fn new(options: PgConnectOptions, lock_timeout: Duration) -> Self {
        Self {
            options,
            lock_timeout,
        }
    }

    pub(super) fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Another server, role and database, waited for as long.
    pub(super) fn to(&self, options: PgConnectOptions) -> Self {
        Self {
            options,
            lock_timeout: self.lock_timeout,
        }
    }

    /// The same server and role, another database.
    pub(super) fn database(&self, name: &str) -> Self {
        Self {
            options: self.options.clone().database(name),
            lock_timeout: self.lock_timeout,
        }
    }

    /// Where the server is.
    pub(super) fn address(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => format!("{}:{}", socket.display(), self.options.get_port()),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// As the host connects, for its migrations.
    pub(super) async fn open_plain(&self) -> Result<PgConnection, DatabaseError> {
        let connecting = timeout(CONNECT_TIMEOUT, self.options.connect());
        let connected = connecting
            .await
            .map_err(|error| DatabaseError::new("connect to the database", error))?;
        connected.map_err(failed("connect to the database"))
    }

    /// With everything that the engine relies on.
    pub(super) async fn open(&self) -> Result<PgConnection, DatabaseError> {
        let mut connection = self.open_plain().await?;
        self.set_up(&mut connection).await?;
        Ok(connection)
    }

    /// The same, with where the host's own sessions look names up.
    pub(super) async fn open_host(&self) -> Result<(PgConnection, HostPath), DatabaseError> {
        let mut connection = self.open_plain().await?;
        let path = HostPath::read(&mut connection).await?;
        self.set_up(&mut connection).await?;
        Ok((connection, path))
    }

    /// Brings a connection into the state in which the engine relies on it, whatever was set.
    pub(super) async fn set_up(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        // 0 would mean for ever.
        let lock_timeout = self.lock_timeout.as_millis().clamp(1, 2_147_483_647);
        let session = format!("{SESSION} SET lock_timeout = {lock_timeout}");
        run(connection, &session)
            .await
            .map_err(failed("set the connection up"))?;
        // Not every system on which the server runs can tell.
        let _ = run(connection, "SET client_connection_check_interval = 1000").await;
        Ok(())
    }
}

/// Ends a connection in good order; whatever it was about is done.
pub(super) async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(error = error.to_string(), "closing a connection");
    }
}
