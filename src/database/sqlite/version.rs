//! Tells this state of the database from any other one.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::connection::OwnConnection;
use super::{DatabaseError, close, record};
use crate::task::blocking;

/// The version of a database, which its files tell from one process to the next, and within one
/// process SQLite itself.
#[derive(Debug)]
pub(super) struct Version {
    /// SQLite counts the commits of *other* connections for each connection, so one must stay and
    /// do nothing else.
    connection: Mutex<(OwnConnection, Option<Known>)>,
    file: String,
}

#[derive(Debug)]
struct Known {
    /// What SQLite has counted.
    count: i64,
    files: String,
    version: String,
}

impl Version {
    pub(super) fn new(connection: OwnConnection, file: String) -> Self {
        Self {
            connection: Mutex::new((connection, None)),
            file,
        }
    }

    /// Makes sure that there is the table of the commit record. That is no change to whoever has looked before:
    /// SQLite does not count a connection's own commits for it.
    pub(super) async fn create_record_table(&self) -> Result<(), DatabaseError> {
        self.read().await?;
        let (connection, _) = &mut *self.connection.lock().await;
        record::ensure(connection, None).await
    }

    pub(super) async fn close(self) {
        let (connection, _) = self.connection.into_inner();
        if let Err(error) = close(connection).await {
            tracing::debug!(error = error.to_string(), "closing the database");
        }
    }

    /// Changes with every commit, and never comes back. Cheap.
    pub(super) async fn read(&self) -> Result<String, DatabaseError> {
        let (connection, known) = &mut *self.connection.lock().await;
        let count: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut **connection)
            .await
            .map_err(DatabaseError::on("read the database's version"))?;
        if let Some(known) = known
            && known.count == count
        {
            // A checkpoint changes the files, and nothing of what is in them.
            return Ok(known.version.clone());
        }
        let file = self.file.clone();
        let files = blocking(move || files(&file))
            .await
            .map_err(|error| DatabaseError::new("read the database's version", error))?;
        // Two commits within one tick of the file system's clock may look alike.
        let is_same = known.as_ref().is_some_and(|known| known.files == files);
        let version = match is_same {
            true => format!("{files}:{}", Uuid::now_v7()),
            false => files.clone(),
        };
        *known = Some(Known {
            count,
            files,
            version: version.clone(),
        });
        Ok(version)
    }
}

/// What the files of the database look like, from outside: whoever opened and closed them would
/// drop the locks that SQLite has on them for this process
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
/// Blocks.
fn files(file: &str) -> std::io::Result<String> {
    let state = of_file(file)?.unwrap_or_default();
    Ok(match of_file(&format!("{file}-wal"))? {
        Some(log) => format!("{state}+{log}"),
        None => state,
    })
}

/// None of a file that is empty or not there: both say the same of a write-ahead log.
fn of_file(path: &str) -> std::io::Result<Option<String>> {
    let status = match std::fs::metadata(path) {
        Ok(status) if status.len() > 0 => status,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (inode, length) = (status.ino(), status.len());
    let (seconds, nanoseconds) = (status.mtime(), status.mtime_nsec());
    Ok(Some(format!("{inode}:{length}:{seconds}.{nanoseconds:09}")))
}
