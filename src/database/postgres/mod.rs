//! PostgreSQL: tables are locked, counted exactly, and truncated or deleted from, never with
//! CASCADE; factory rows come from a scratch database on which the host's migrations have run.

mod aside;
mod catalogue;
mod clear;
mod connect;
mod copy;
mod error;
mod factory;
mod foreign_keys;
mod kept;
mod lock;
mod record;
mod references;
mod rewrite;
mod scratch;
mod sequences;
mod transaction;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect::{Connect, close};
use error::failed;
use factory::Factory;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use transaction::PostgresTransaction;
use uuid::Uuid;

use super::{
    Database, DatabaseError, DatabaseLock, Decision, KeptRows, Reference, Tally, Transaction,
};

/// How long a reset waits for another connection's lock unless the host says otherwise.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A host's PostgreSQL database.
///
/// ```no_run
/// # async fn open(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
/// let database = factory_reset::Postgres::open(&pool, &MIGRATOR).await?;
/// # Ok(()) }
/// ```
///
/// Tables of the current schema are known by their bare names (`users`), those of other
/// schemas as `schema.table`. Those of extensions and temporary ones are not listed.
///
/// What the server keeps beside its tables is its own: deleted rows stay in its write-ahead
/// log, in replicas that lag, and in backups, until the server recycles them.
#[derive(Debug)]
pub struct Postgres {
    connect: Connect,
    identity: String,
    schema: String,
    factory: Arc<Factory>,
}

impl Postgres {
    /// Opens the database behind `pool`, runs `migrator` on a scratch database beside it to
    /// learn what a fresh install holds, and creates the table of the commit record.
    ///
    /// The host's own migrations need not have run yet on the database itself. The pool's
    /// connections are not used: all work happens on connections of its own with the pool's
    /// connect options. What a pool does in `after_connect` is not known here.
    ///
    /// The role must own the tables and may create databases; where it may not, see
    /// [`open_with_scratch`](Self::open_with_scratch).
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, the role may not create a database, or a migration
    /// fails.
    pub async fn open(pool: &PgPool, migrator: &Migrator) -> Result<Self, DatabaseError> {
        let options = pool.connect_options().as_ref().clone();
        Self::open_with_scratch(pool, migrator, options).await
    }

    /// The same, with the scratch database created through `scratch`: by another role, or on
    /// another server of the same version.
    ///
    /// # Errors
    ///
    /// Like [`open`](Self::open).
    pub async fn open_with_scratch(
        pool: &PgPool,
        migrator: &Migrator,
        scratch: PgConnectOptions,
    ) -> Result<Self, DatabaseError> {
        let options = pool.connect_options().as_ref().clone();
        let connect = Connect::new(options, LOCK_TIMEOUT);
        let mut connection = connect.open().await?;
        let schema = current_schema(&mut connection).await?;
        let identity = identity(&mut connection, &connect, &schema).await?;
        record::create_table(&mut connection).await?;
        let scratch = Connect::new(scratch, LOCK_TIMEOUT);
        let factory = Factory::build(&mut connection, &scratch, migrator, &schema).await?;
        close(connection).await;
        Ok(Self {
            connect,
            identity,
            schema,
            factory: Arc::new(factory),
        })
    }

    /// How long a reset waits for a lock that another connection holds; 5 seconds unless
    /// set.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.connect = self.connect.lock_timeout(timeout);
        self
    }
}

#[async_trait]
impl Database for Postgres {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn migrated_tables(&self) -> &BTreeSet<String> {
        self.factory.tables()
    }

    fn preserved_tables(&self) -> Vec<(String, String)> {
        let reason = "tracks which migrations have run";
        let table = self.factory.migrations_table();
        vec![(table.to_owned(), reason.to_owned())]
    }

    fn is_same_table(&self, one: &str, other: &str) -> bool {
        let prefix = format!("{}.", self.schema);
        let bare = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_owned();
        bare(one) == bare(other)
    }

    fn format(&self) -> &'static str {
        copy::FORMAT
    }

    async fn lock(&self) -> Result<Option<DatabaseLock>, DatabaseError> {
        lock::take(self.connect.open().await?, &self.schema).await
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let connection = self.connect.open().await?;
        let transaction = PostgresTransaction::read(connection, self.factory.clone()).await?;
        Ok(Box::new(transaction))
    }

    async fn write(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let connection = self.connect.open().await?;
        let transaction = PostgresTransaction::write(connection, self.factory.clone()).await?;
        Ok(Box::new(transaction))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        let mut connection = self.connect.open().await?;
        let decision = record::decide(&mut connection, run).await?;
        close(connection).await;
        Ok(decision)
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        let mut connection = self.connect.open().await?;
        rewrite::rewrite(&mut connection).await?;
        close(connection).await;
        Ok(())
    }
}

/// The schema in which tables are created.
async fn current_schema(connection: &mut PgConnection) -> Result<String, DatabaseError> {
    let schema: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(connection)
        .await
        .map_err(failed("read the current schema"))?;
    schema.ok_or_else(|| {
        let error = "no schema of the `search_path` exists: create it first";
        DatabaseError::new("use the database", error)
    })
}

/// Which database this is: the server's own number and the database's, where the role may
/// read them.
async fn identity(
    connection: &mut PgConnection,
    connect: &Connect,
    schema: &str,
) -> Result<String, DatabaseError> {
    let database: String =
        sqlx::query_scalar("SELECT oid::text FROM pg_database WHERE datname = current_database()")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("read which database it is"))?;
    let server: Result<String, _> =
        sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()")
            .fetch_one(connection)
            .await;
    let server = match server {
        Ok(server) => server,
        Err(error) if error::is_denied(&error) => connect.address(),
        Err(error) => return Err(failed("read which server it is")(error)),
    };
    Ok(format!("postgres:{server}/{database}/{schema}"))
}

/// Runs statements that return nothing of interest.
async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
