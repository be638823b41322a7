//! Connections of the engine's own.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::error::failed;
use super::{DatabaseError, run};

/// How long connecting may take: a host that answers nothing is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What must hold whatever the server, the database or the role has as default: no limit but
/// for locks, every row or an error, values as text that reads back the same, a connection
/// that ends when its client is gone, and a commit that is durable. What is compiled runs once,
/// and takes longer to compile than to run.
const SESSION: &str = "
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET default_transaction_isolation = 'read committed';
    SET default_transaction_read_only = off;
    SET row_security = off;
    SET DateStyle = 'ISO, YMD';
    SET IntervalStyle = 'postgres';
    SET extra_float_digits = 1;
    SET bytea_output = 'hex';
    SET xmloption = 'content';
    SET standard_conforming_strings = on;
    SET tcp_keepalives_idle = 15;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET jit = off;
    SELECT set_config('idle_session_timeout', '0', false)
        WHERE current_setting('idle_session_timeout', true) IS NOT NULL;
    SELECT set_config('transaction_timeout', '0', false)
        WHERE current_setting('transaction_timeout', true) IS NOT NULL;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
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
