use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// The schema, and the rows that a fresh install holds.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// How long a statement waits for another writer, and a caller for a connection.
/// Both together stay far below the time that a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pool on the database, which is opened (and created) at the first use.
pub(crate) fn pool(file: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    SqlitePoolOptions::new()
        .max_connections(5)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options)
}
