//! What the engine needs of a database.

mod bounded;
mod error;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::BTreeSet;
use std::path::PathBuf;

use async_trait::async_trait;
pub(crate) use bounded::{Bounded, Patience};
pub use error::DatabaseError;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
use uuid::Uuid;

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

    /// The tables that the host's migrations create, in a fresh install.
    fn migrated_tables(&self) -> &BTreeSet<String>;

    /// The tables that a reset must always keep, each with the reason: what tracks
    /// migrations.
    fn preserved_tables(&self) -> Vec<(String, String)>;

    /// Whether two names mean one table.
    fn is_same_table(&self, one: &str, other: &str) -> bool {
        one == other
    }

    /// Changes with every committed write to the database, and never comes back. Cheap.
    async fn version(&self) -> Result<String, DatabaseError>;

    /// Opens a snapshot for counting.
    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError>;

    /// Opens the transaction of a reset: locks out every other writer.
    async fn write(&self) -> Result<Box<dyn Transaction>, DatabaseError>;

    /// Fences `run`: makes sure that it can never commit from now on, and tells whether it
    /// did before. After a COMMIT that failed, and for the recovery of an interrupted reset.
    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError>;

    /// Gives freed space back and makes deleted content unreadable. Called after the commit.
    async fn reclaim(&self) -> Result<(), DatabaseError>;
}

/// A view of the database that other connections cannot change.
#[async_trait]
pub trait Transaction: Send {
    /// The tables there are, but for the database's own and [`RECORD_TABLE`].
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError>;

    /// The exact number of rows in `table`.
    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError>;

    /// Brings `tables` to their factory state: every row goes, the rows that migrations
    /// seed come back, counters start again. Returns the number of rows that went, a table
    /// each. Only in a transaction from [`Database::write`].
    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError>;

    /// Checks that the clearing has left no reference dangling.
    async fn check(&mut self) -> Result<(), DatabaseError>;

    /// Adds the commit record of `run` and commits, durably. After an error
    /// [`Database::decide`] has the last word.
    async fn commit(self: Box<Self>, run: Uuid) -> Result<(), DatabaseError>;

    /// Gives everything up.
    async fn rollback(self: Box<Self>) -> Result<(), DatabaseError>;

    /// The connection, for steps with SQL of their own on a SQLite host. They leave the
    /// transaction open.
    #[cfg(feature = "sqlite")]
    fn sqlite(&mut self) -> Option<&mut sqlx::SqliteConnection> {
        None
    }
}
