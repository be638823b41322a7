//! PostgreSQL: tables are locked, counted exactly, and truncated or deleted from, never with
//! CASCADE; factory rows come from a scratch database on which the host's migrations have run,
//! or from elsewhere.

mod aside;
mod ask;
mod catalogue;
mod clear;
mod connect;
mod copies;
mod copy;
mod error;
mod factory;
mod foreign_keys;
mod hold;
mod host;
mod host_path;
mod kept;
mod lock;
mod materialized;
mod options;
mod pristine;
mod record;
mod record_shape;
mod references;
mod refusal;
mod rewrite;
mod scratch;
mod script;
mod sequences;
mod snapshot;
mod spare;
mod start;
mod transaction;
mod trust;
mod ways;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect::{Connect, close};
pub(crate) use error::answer;
use error::failed;
use host::Host;
pub use options::PostgresOptions;
use spare::{Line, Spare};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use transaction::PostgresTransaction;
use uuid::Uuid;

use super::{
    Database, DatabaseError, DatabaseLock, Decision, FactoryRows, KeptRows, Reference, Tally,
    Transaction, Way,
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
/// Every session looks names up in `pg_catalog` alone, so that no function, operator or type of
/// another schema takes the place of the server's. Code of the host that such a session runs, such
/// as a function in a `CHECK`, finds its own names if it writes their schema or has
/// `SET search_path`.
///
/// The table of the commit records must be exactly as the engine creates it, and belong to a
/// trusted role (see [`trust_database`](Self::trust_database)).
///
/// What a preview has counted is not counted again by the next one, nor by a reset, as long as
/// nothing at all has been written on the server since.
///
/// What the server keeps beside its tables is its own: deleted rows stay in its write-ahead
/// log, in replicas that lag, and in backups, until the server recycles them.
#[derive(Debug)]
pub struct Postgres {
    connect: Connect,
    identity: String,
    host: Arc<Host>,
    spare: Spare,
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
    /// When the server cannot be reached, the role may not create a database, a migration
    /// fails, or code of a role that is not [trusted](Self::trust_database) would run.
    pub async fn open(pool: &PgPool, migrator: &Migrator) -> Result<Self, DatabaseError> {
        PostgresOptions::default().open(pool, migrator).await
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
        let options = PostgresOptions::default();
        options.open_with_scratch(pool, migrator, scratch).await
    }

    /// Opens the database behind `pool` with factory rows from elsewhere, for a service that has
    /// no migrations of sqlx. Only reads: the table of the commit record is made by the
    /// first reset. A script runs with all privileges of the connecting role.
    ///
    /// - A script that creates tables runs on a scratch database, so that the role must be
    ///   allowed to create one. It may be what `pg_dump` writes, with `--inserts` or without.
    /// - A script that only fills tables runs on temporary copies of those in the current
    ///   schema, which needs no more than the right to create temporary tables: nothing else can
    ///   be written meanwhile. It names tables and sequences without their schema. The copies
    ///   have defaults, counters and constraints of their own, but no foreign keys and no
    ///   triggers. Functions and types outside `pg_catalog` are written with their schema.
    /// - A pristine database is of the same or a later version of the server, and has the same
    ///   schemas; the role may read all of it.
    ///
    /// ```no_run
    /// # async fn open(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// use factory_reset::{FactoryRows, Postgres};
    /// let rows = FactoryRows::Script("INSERT INTO settings VALUES ('theme', 'light')".into());
    /// let database = Postgres::open_from(&pool, &rows).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, the script fails, the pristine database cannot be
    /// read, either has a table or a column that this database lacks, or code of a role that is
    /// not [trusted](Self::trust_database) would run.
    pub async fn open_from(pool: &PgPool, rows: &FactoryRows) -> Result<Self, DatabaseError> {
        PostgresOptions::default().open_from(pool, rows).await
    }

    /// Opens databases in which every role is trusted that owns objects there, or only the roles
    /// that have no more to gain, as without this.
    ///
    /// Clearing a table runs code that its owner has attached to it: checks, defaults, indexes,
    /// materialized views. A session of a superuser, or of another role that does not own the
    /// table, would run that code with its own privileges. So such a table is refused by the name of
    /// its owner, for previews, resets, backups and restores; connect as that role. Set
    /// `is_trusted` only if every role that owns objects in the database may do all that the
    /// connecting role may.
    ///
    /// ```no_run
    /// # async fn open(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// use factory_reset::{FactoryRows, Postgres};
    /// let options = Postgres::trust_database(true);
    /// let database = options.open_from(&pool, &FactoryRows::None).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn trust_database(is_trusted: bool) -> PostgresOptions {
        PostgresOptions::trusting(is_trusted)
    }

    /// How long a reset waits for a lock that another connection holds; 5 seconds unless
    /// set.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.connect = self.connect.lock_timeout(timeout);
        self
    }

    /// The connection that the same reset has used before, or a new one.
    async fn connection(&self) -> Result<Line, DatabaseError> {
        match self.spare.take().await {
            Some(line) => Ok(line),
            None => Line::open(&self.connect).await,
        }
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
        self.host.factory.tables()
    }

    fn preserved_tables(&self) -> Vec<(String, String)> {
        let reason = "tracks which migrations have run";
        let table = self.host.factory.migrations_table().into_iter();
        table
            .map(|table| (table.to_owned(), reason.to_owned()))
            .collect()
    }

    fn is_same_table(&self, one: &str, other: &str) -> bool {
        let prefix = format!("{}.", self.host.path.schema);
        let bare = |name: &str| name.strip_prefix(&prefix).unwrap_or(name).to_owned();
        bare(one) == bare(other)
    }

    fn format(&self) -> &'static str {
        copy::FORMAT
    }

    async fn prepare(&self) -> Result<(), DatabaseError> {
        let mut line = self.connection().await?;
        self.host.record.create_table(&mut line.connection).await?;
        self.spare.give(line).await;
        Ok(())
    }

    async fn lock(&self) -> Result<Option<DatabaseLock>, DatabaseError> {
        // The lock lives as long as its connection, so that the reset works on another.
        let (connection, other) = tokio::join!(self.connect.open(), Line::open(&self.connect));
        let lock = lock::take(connection?, &self.host.path.schema, &self.spare).await?;
        if let Ok(other) = other {
            // Closed at once where somebody else has the lock.
            self.spare.give(other).await;
        }
        Ok(lock)
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let (line, host) = (self.connection().await?, self.host.clone());
        let transaction = PostgresTransaction::read(line, host, self.spare.clone()).await?;
        Ok(Box::new(transaction))
    }

    async fn write(&self, _: &Way) -> Result<Box<dyn Transaction>, DatabaseError> {
        let (line, host) = (self.connection().await?, self.host.clone());
        let transaction = PostgresTransaction::write(line, host, self.spare.clone()).await?;
        Ok(Box::new(transaction))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        let mut connection = self.connect.open().await?;
        let decision = self.host.record.decide(&mut connection, run).await?;
        close(connection).await;
        Ok(decision)
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        let mut line = self.connection().await?;
        let (host, connection) = (&self.host, &mut line.connection);
        let catalogue = async |connection: &mut PgConnection| host.catalogue(connection).await;
        rewrite::rewrite(connection, &self.connect, &host.record, catalogue).await?;
        self.spare.give(line).await;
        Ok(())
    }
}

/// Which database this is: the server's own number and the database's, where the role may
/// read them.
async fn identity(
    connection: &mut PgConnection,
    connect: &Connect,
    schema: &str,
) -> Result<String, DatabaseError> {
    let database: String = sqlx::query_scalar(
        "SELECT d.oid::pg_catalog.text FROM pg_catalog.pg_database AS d \
             WHERE d.datname = pg_catalog.current_database()",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed("read which database it is"))?;
    let server: Result<String, _> = sqlx::query_scalar(
        "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()",
    )
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
