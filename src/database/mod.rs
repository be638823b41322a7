//! What the engine needs of a database.

mod bounded;
mod error;
mod factory_rows;
mod kept_rows;
#[cfg(feature = "postgres")]
mod postgres;
mod reference;
#[cfg(feature = "sqlite")]
mod sqlite;
mod way;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
pub(crate) use bounded::{Bounded, Patience};
pub use error::DatabaseError;
#[cfg(not(feature = "postgres"))]
pub(crate) use error::answer;
pub use factory_rows::FactoryRows;
pub use kept_rows::KeptRows;
#[cfg(feature = "postgres")]
pub(crate) use postgres::answer;
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, PostgresOptions};
pub use reference::Reference;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;
pub use way::Way;

use crate::claims::Unclaimed;

/// The table that carries the commit record; never counted among the user's.
pub const RECORD_TABLE: &str = "_factory_reset";

/// Which outcome of a reset stands in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The commit record is there: everything else must follow it.
    Committed,
    /// It is not, and now never will be: everything must be as before.
    Aborted,
}

/// A database that the engine can reset. An implementation bounds its waits for locks, and
/// says what it has waited for; the engine gives up on one that does not answer at all.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// Which database this is, so that a journal is not applied to another one.
    fn identity(&self) -> &str;

    /// The files that it keeps, absolute; in the data directory they count as claimed.
    fn files(&self) -> Vec<PathBuf>;

    /// The tables of a fresh install: those that the host's migrations create.
    fn migrated_tables(&self) -> &BTreeSet<String>;

    /// The tables that a reset must always keep, each with the reason: what tracks
    /// migrations.
    fn preserved_tables(&self) -> Vec<(String, String)>;

    /// Makes what a commit needs, where that is not there yet. Called when a reset begins: a
    /// preview makes nothing.
    async fn prepare(&self) -> Result<(), DatabaseError> {
        Ok(())
    }

    /// Whether two names mean one table.
    fn is_same_table(&self, one: &str, other: &str) -> bool {
        one == other
    }

    /// What [`Transaction::save`] writes, for the manifest of a bundle: a bundle of another
    /// format is refused.
    fn format(&self) -> &'static str;

    /// Takes the lock that keeps other processes with other data directories from resetting
    /// this database, for as long as what is returned lives; nothing when another has it. A
    /// database whose files belong to one data directory needs none.
    async fn lock(&self) -> Result<Option<DatabaseLock>, DatabaseError> {
        Ok(Some(DatabaseLock::new(())))
    }

    /// Opens a snapshot for counting.
    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError>;

    /// Opens the transaction of a reset: locks out every other writer. `way` is what a plan has
    /// said of it; where it turns out not to be possible any more, the transaction's own
    /// [`way`](Transaction::way) says so, and another one has to be opened to clear.
    async fn write(&self, way: &Way) -> Result<Box<dyn Transaction>, DatabaseError>;

    /// Fences `run`: makes sure that it can never commit from now on, and tells whether it
    /// did before. After a COMMIT that failed, and for the recovery of an interrupted reset.
    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError>;

    /// Gives freed space back and makes deleted content unreadable. Called after the commit.
    async fn reclaim(&self) -> Result<(), DatabaseError>;
}

/// A lock in the database; dropping it gives it back.
pub struct DatabaseLock {
    _held: Box<dyn Any + Send + Sync>,
}

impl DatabaseLock {
    /// A lock that is held for as long as `held` lives.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

impl std::fmt::Debug for DatabaseLock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DatabaseLock")
    }
}

/// Is told how many more rows have been cleared, saved or loaded.
pub type Tally = Arc<dyn Fn(u64) + Send + Sync>;

/// A view of the database that other connections cannot change.
#[async_trait]
pub trait Transaction: Send {
    /// The tables there are, but for the database's own and [`RECORD_TABLE`].
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError>;

    /// The triggers, views and indexes that a fresh install does not have, or has with another
    /// definition, and the tables of another definition: a reset leaves the schema as it is. None
    /// where the database does not know the schema of a fresh install.
    async fn unclaimed_objects(&mut self) -> Result<Vec<Unclaimed>, DatabaseError> {
        Ok(Vec::new())
    }

    /// The exact number of rows in `table`, but for those that [`keep`](Self::keep) keeps.
    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError>;

    /// What tells the content of `tables` from any other, earlier or later: it changes with
    /// every committed write to one of them, and never comes back. It may change more often.
    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError>;

    /// From now on the rows in `rows`, and every row that they refer to by foreign keys, over
    /// any number of steps, stay: counting, clearing and looking for references pass over
    /// them. Only rows of `tables` are kept, for those of other tables stay anyway. Returns
    /// how many rows are kept, for each table that has any.
    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError>;

    /// The references that clearing `tables` would break: rows of other tables that refer to
    /// rows which would go, and do not come back with the factory rows. One entry for each
    /// pair of tables. Reads only.
    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError>;

    /// Which way the clearing of exactly `tables`, of which all that are there are named, takes;
    /// or would take, in a snapshot.
    async fn way(&mut self, _tables: &[String]) -> Result<Way, DatabaseError> {
        Ok(Way::Clearing { because: None })
    }

    /// Which way it has taken so far, in a transaction from [`Database::write`]: what its steps
    /// do may have changed it.
    fn way_taken(&self) -> Option<Way> {
        None
    }

    /// Brings `tables` to their factory state: every row goes, the rows that migrations
    /// seed come back, counters start again. Returns the number of rows that went, a table
    /// each. Only in a transaction from [`Database::write`].
    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError>;

    /// What of `table` must be the same for [`load`](Self::load) to take what
    /// [`save`](Self::save) has written: its columns. Text for the manifest of a bundle.
    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError>;

    /// Writes every row of `table`, whatever is to be kept, with its counters, in the database's
    /// own [format](Database::format), and returns the number of rows. Memory does not grow with
    /// the table. What it writes can be cut anywhere, as long as it is put together again.
    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError>;

    /// Takes every row out of `tables`, and puts none back: [`load`](Self::load) does. Returns
    /// the number of rows that went, a table each. Only in a transaction from
    /// [`Database::write`].
    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError>;

    /// Fills `table`, which is [empty](Self::empty), with what [`save`](Self::save) has
    /// written, and returns the number of rows. What it reads may come from anywhere: whatever
    /// is not what `save` writes is an error. Memory does not grow with the table.
    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError>;

    /// Tells `tally` from now on, or nobody. Whoever cannot tell before the end says nothing.
    fn tally(&mut self, _tally: Option<Tally>) {}

    /// Checks that the clearing or loading has left no reference dangling.
    async fn check(&mut self) -> Result<(), DatabaseError>;

    /// Adds the commit record of `run` and commits, durably. After an error
    /// [`Database::decide`] has the last word.
    async fn commit(self: Box<Self>, run: Uuid) -> Result<(), DatabaseError>;

    /// Gives everything up.
    async fn rollback(self: Box<Self>) -> Result<(), DatabaseError>;

    /// The connection, for steps with SQL of their own on a SQLite host. They leave the
    /// transaction open. The database's triggers fire for what they run, also those that a fresh
    /// install does not have; while tables are cleared and loaded, none does. A reset that would have put a factory image in the place of the
    /// database goes over to clearing.
    #[cfg(feature = "sqlite")]
    async fn sqlite(&mut self) -> Result<Option<&mut sqlx::SqliteConnection>, DatabaseError> {
        Ok(None)
    }

    /// The connection, for steps with SQL of their own on a PostgreSQL host, with the search path
    /// of the host's own connections. They leave the transaction open.
    #[cfg(feature = "postgres")]
    async fn postgres(&mut self) -> Result<Option<&mut sqlx::PgConnection>, DatabaseError> {
        Ok(None)
    }
}
