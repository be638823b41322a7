//! SQLite: clearing with foreign keys off on a connection of its own, factory rows from a
//! scratch database in memory that holds a fresh install.

mod catalogue;
mod check;
mod clear;
mod connect;
mod connection;
mod count;
mod counters;
mod database_file;
mod definition;
mod definition_statement;
mod definition_text;
mod factory;
mod fitness;
mod foreign_key;
mod full_text;
mod handle;
mod image;
mod kept;
mod known;
mod load;
mod locked;
mod online_backup;
mod pragma;
mod pristine;
mod reader;
mod record;
mod references;
mod replacement;
mod save;
mod schema;
mod schema_order;
mod script;
mod set_aside;
mod stream;
mod super_journal;
mod template;
mod transaction;
mod unclaimed;
mod vacuum;
mod value;
mod version;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub(crate) use catalogue::{Catalogue, Table, quote};
use connection::OwnConnection;
use factory::Factory;
use known::Known;
use reader::Reader;
use sqlx::migrate::Migrator;
use sqlx::{Row, SqlitePool};
use tokio::sync::Mutex;
use transaction::{Shared, SqliteTransaction};
use uuid::Uuid;
use version::Version;

use super::{
    Database, DatabaseError, Decision, FactoryRows, KeptRows, Reference, Tally, Transaction, Way,
};
use crate::task::blocking;

/// What a saved table is called, and begins with.
const FORMAT: &str = "sqlite-1";

/// How long a reset waits for another connection's lock unless the host says otherwise.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A host's SQLite database.
///
/// ```no_run
/// # async fn open(pool: sqlx::SqlitePool) -> Result<(), Box<dyn std::error::Error>> {
/// static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
/// let database = factory_reset::Sqlite::open(&pool, &MIGRATOR).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Sqlite {
    connect: connect::Connect,
    file: String,
    shared: Arc<Shared>,
    has_image: bool,
}

impl Sqlite {
    /// Opens the database behind `pool`, runs `migrator` on a scratch database in memory to
    /// learn what a fresh install holds, and creates the table of the commit record. Where this
    /// creates the database, only its owner can use the file.
    ///
    /// The host's own migrations need not have run yet on the database itself. The pool's
    /// connections are not used: all work happens on connections of its own with the pool's
    /// connect options, foreign keys off and `synchronous = EXTRA`. So what the host needs to
    /// open the database (keys, collations) belongs into these options; what a pool does in
    /// `after_connect` is not known here.
    ///
    /// The schema of the database counts as written by somebody else: triggers and views are off on
    /// these connections, `trusted_schema` is off, and a call that takes too long or is not waited
    /// for interrupts the statement that it runs. Triggers, views and indexes that the migrations do
    /// not create are listed as [unclaimed](crate::Unclaimed). The migrations run on the scratch
    /// database as the host's options have it.
    ///
    /// # Errors
    ///
    /// When the database is in memory, cannot be opened, or a migration fails; when its schema calls
    /// what [`open_trusted`](Self::open_trusted) is for; when a file beside it is not what SQLite puts there; or when a view or an index has the name of the table of the
    /// commit record.
    pub async fn open(pool: &SqlitePool, migrator: &Migrator) -> Result<Self, DatabaseError> {
        Self::migrated(connect::Connect::like(pool, LOCK_TIMEOUT), migrator).await
    }

    /// The same for a database whose schema only the host can write to: expressions in it (CHECK
    /// constraints, generated columns, indexes on expressions) may call functions and virtual tables
    /// that SQLite does not know to be harmless, as far as the host's own connect options have it.
    /// Among them are `regexp` and what an extension defines. With [`open`](Self::open) a schema
    /// that calls one cannot be read, because it would run for whoever has planted the call.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_trusted(
        pool: &SqlitePool,
        migrator: &Migrator,
    ) -> Result<Self, DatabaseError> {
        let connect = connect::Connect::like(pool, LOCK_TIMEOUT).trust_schema();
        Self::migrated(connect, migrator).await
    }

    async fn migrated(
        connect: connect::Connect,
        migrator: &Migrator,
    ) -> Result<Self, DatabaseError> {
        let mut opening = Opening::begin(connect).await?;
        record::ensure(&mut opening.connection, None).await?;
        let factory = Factory::migrated(&opening.connect, migrator, &opening.layout).await?;
        Ok(opening.end(factory).await)
    }

    /// Opens the database behind `pool` with factory rows from elsewhere, for a service that has
    /// no migrations of sqlx. Only reads: the table of the commit record is made by the first
    /// reset.
    ///
    /// The script and the pristine database of `rows` run, or are copied, into a scratch database
    /// in memory, with foreign keys off; a reset checks what refers to what. Triggers fire for
    /// what a script inserts, also those of a full-text index.
    ///
    /// A pristine database also tells which triggers, views and indexes a fresh install has. Without
    /// one, those that are there now count as the service's own, and none is listed as
    /// [unclaimed](crate::Unclaimed).
    ///
    /// ```no_run
    /// # async fn open(pool: sqlx::SqlitePool) -> Result<(), Box<dyn std::error::Error>> {
    /// use factory_reset::{FactoryRows, Sqlite};
    /// let rows = FactoryRows::Database("/usr/share/example/pristine.db".into());
    /// let database = Sqlite::open_from(&pool, &rows).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database is in memory or cannot be opened, its schema calls what
    /// [`open_trusted`](Self::open_trusted) is for, the script fails, the pristine
    /// database cannot be read, or either has a table or a column that this database lacks.
    pub async fn open_from(pool: &SqlitePool, rows: &FactoryRows) -> Result<Self, DatabaseError> {
        let connect = connect::Connect::like(pool, LOCK_TIMEOUT);
        let mut opening = Opening::begin(connect).await?;
        let like = (opening.file.as_str(), &opening.layout);
        let live = &mut opening.connection;
        match Factory::from_rows(&opening.connect, rows, live, like).await {
            Ok(factory) => Ok(opening.end(factory).await),
            Err(error) => {
                opening.end_without().await;
                Err(error)
            }
        }
    }

    /// How long a reset waits for a lock that another connection holds; 5 seconds unless
    /// set.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.connect = self.connect.lock_timeout(timeout);
        self
    }

    /// Whether a factory image may take the place of the database where that is possible, which
    /// is much faster than clearing; it may unless this says otherwise.
    #[must_use]
    pub fn factory_image(mut self, may: bool) -> Self {
        self.has_image = may;
        self
    }

    /// Makes sure that opening the database `file` acts only on files beside it: with a hot journal
    /// there, SQLite deletes a file that the journal names, already when it reads.
    /// [`open`](Self::open) and [`open_from`](Self::open_from) do this by themselves; it is for a
    /// program that opens the database in another way before. Blocks.
    ///
    /// # Errors
    ///
    /// When the file, or one beside it, is not a regular file; when one beside it belongs to a user
    /// who may not write to the database; or when its journal names a file elsewhere.
    pub fn check_file(file: &Path) -> Result<(), DatabaseError> {
        let checked = database_file::check(file).map(drop);
        checked.map_err(|error| DatabaseError::new("open the database", error))
    }

    /// Makes sure that the database `file` belongs to the user that this process runs as: whoever
    /// opens the database of another user acts for that user with more rights. Blocks.
    ///
    /// # Errors
    ///
    /// When it belongs to another user, or is not a regular file.
    pub fn check_owner(file: &Path) -> Result<(), DatabaseError> {
        let checked = database_file::check_owner(file);
        checked.map_err(|error| DatabaseError::new("open the database", error))
    }

    /// Closes the database, and waits until that is done: a process that ends first may leave
    /// the files of an empty write-ahead log behind.
    pub async fn close(self) {
        // Whoever still has a transaction closes it later.
        if let Some(shared) = Arc::into_inner(self.shared) {
            if let Err(error) = shared.reader.close().await {
                tracing::debug!(error = error.to_string(), "closing the database");
            }
            shared.version.close().await;
        }
    }
}

/// A database that is being opened.
struct Opening {
    connect: connect::Connect,
    connection: OwnConnection,
    file: String,
    layout: connect::Layout,
}

impl Opening {
    async fn begin(connect: connect::Connect) -> Result<Self, DatabaseError> {
        let mut connection = connect.open().await?;
        let failed = || DatabaseError::on("read the database's path");
        // The first in the list is the main one.
        let listed = sqlx::query("PRAGMA database_list")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
        let file: String = listed.try_get("file").map_err(failed())?;
        if file.is_empty() {
            return Err(DatabaseError::new(
                "use a database in memory",
                "only its own connection can see it: give the pool a file",
            ));
        }
        let layout = connect::Layout::read(&mut connection).await?;
        Ok(Self {
            connect,
            connection,
            file,
            layout,
        })
    }

    async fn empty_log(&self) -> Result<(), DatabaseError> {
        let connect = self.connect.clone().lock_timeout(Duration::ZERO);
        let mut connection = connect.existing_only().open().await?;
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on("empty the write-ahead log"))?;
        close(connection).await
    }

    async fn end_without(self) {
        if let Err(error) = close(self.connection).await {
            tracing::debug!(error = error.to_string(), "closing the database");
        }
    }

    async fn end(self, factory: Factory) -> Sqlite {
        // What a killed process has left in the log, the last connection to close would empty, and
        // the files would look changed. Whoever else uses the log will see to it.
        if let Err(error) = self.empty_log().await {
            tracing::debug!(error = error.to_string(), "emptying the write-ahead log");
        }
        Sqlite {
            connect: self.connect.existing_only(),
            shared: Arc::new(Shared {
                version: Version::new(self.connection, self.file.clone()),
                factory,
                known: Known::default(),
                reader: Reader::new(self.file.clone().into()),
                rewriting: Mutex::default(),
            }),
            file: self.file,
            has_image: true,
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn identity(&self) -> &str {
        &self.file
    }

    fn files(&self) -> Vec<PathBuf> {
        ["", "-wal", "-shm", "-journal"]
            .iter()
            .map(|suffix| PathBuf::from(format!("{}{suffix}", self.file)))
            .collect()
    }

    fn migrated_tables(&self) -> &BTreeSet<String> {
        self.shared.factory.tables()
    }

    fn preserved_tables(&self) -> Vec<(String, String)> {
        let reason = "tracks which migrations have run";
        let table = self.shared.factory.migrations_table().into_iter();
        table
            .map(|table| (table.to_owned(), reason.to_owned()))
            .collect()
    }

    fn is_same_table(&self, one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other)
    }

    fn format(&self) -> &'static str {
        FORMAT
    }

    async fn prepare(&self) -> Result<(), DatabaseError> {
        self.shared.version.create_record_table().await
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let off = || Way::clearing("the host has switched factory images off");
        let way = (!self.has_image).then(off);
        let transaction = SqliteTransaction::read(&self.connect, &self.shared, way).await?;
        Ok(Box::new(transaction))
    }

    async fn write(&self, way: &Way) -> Result<Box<dyn Transaction>, DatabaseError> {
        let transaction = match way {
            Way::FactoryImage => SqliteTransaction::replace(&self.connect, &self.shared).await?,
            Way::Clearing { .. } => {
                SqliteTransaction::write(&self.connect, &self.shared, way.clone()).await?
            }
        };
        Ok(Box::new(transaction))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        let mut connection = self.connect.open().await?;
        let decision = record::decide(&mut connection, run).await?;
        close(connection).await?;
        Ok(decision)
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        let mut connection = self.connect.open().await?;
        let mut rewriting = self.shared.rewriting.lock().await;
        if rewriting.is_done() {
            // Emptying the log waits for readers while it keeps writers out: not another time.
            sqlx::query("PRAGMA busy_timeout = 0")
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on("wait for nobody"))?;
        } else {
            rewriting
                .proceed(&mut connection, self.shared.factory.order())
                .await?;
        }
        // Most of it beside those who write: the freed end of a large file takes long to cut off, and
        // what follows keeps writers out.
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on("write the log into the database"))?;
        // Outside WAL mode this answers 0 and does nothing.
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut *connection)
            .await
            .map_err(DatabaseError::on("empty the write-ahead log"))?;
        close(connection).await?;
        sync_log(&self.file).await?;
        if busy != 0 {
            return Err(DatabaseError::new(
                "empty the write-ahead log",
                "another connection still reads from it; deleted rows stay in it until that ends",
            ));
        }
        Ok(())
    }
}

/// SQLite does not sync the truncation of its log: after a power cut deleted rows could be read
/// in it again. No lock of SQLite's lies on this file, so that opening it takes none away
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
async fn sync_log(file: &str) -> Result<(), DatabaseError> {
    let log = format!("{file}-wal");
    let synced = blocking(move || match super_journal::open(Path::new(&log))? {
        Some(log) => log.sync_all(),
        None => Ok(()),
    });
    synced
        .await
        .map_err(|error| DatabaseError::new("sync the write-ahead log", error))
}

async fn close(connection: OwnConnection) -> Result<(), DatabaseError> {
    connection
        .close()
        .await
        .map_err(DatabaseError::on("close the connection"))
}
