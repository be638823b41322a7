//! A connection that is kept from one snapshot to the next: to open one takes longer than to
//! count some ten thousand rows.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use tokio::sync::Mutex;

use super::connect::Connect;
use super::connection::OwnConnection;
use super::factory::Factory;
use super::{DatabaseError, close};

/// Keeps one connection.
#[derive(Debug)]
pub(super) struct Reader {
    file: PathBuf,
    kept: Mutex<Option<Opened>>,
}

/// A connection, to which the factory rows are attached.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: OwnConnection,
    /// Which file it has opened: device and number.
    inode: Option<(u64, u64)>,
}

impl Opened {
    /// One that is not to be kept.
    pub(super) async fn new(connect: &Connect, factory: &Factory) -> Result<Self, DatabaseError> {
        let mut connection = connect.open().await?;
        factory.attach(&mut connection).await?;
        Ok(Self {
            connection,
            inode: None,
        })
    }
}

impl Reader {
    /// Keeps none yet for the database in `file`.
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            kept: Mutex::default(),
        }
    }

    /// The kept connection, or a new one where there is none or another file is in the place of
    /// the one that it has opened.
    pub(super) async fn take(
        &self,
        connect: &Connect,
        factory: &Factory,
    ) -> Result<Opened, DatabaseError> {
        let inode = self.inode();
        let kept = self.kept.lock().await.take();
        match kept {
            Some(kept) if kept.inode.is_some() && kept.inode == inode => return Ok(kept),
            Some(outdated) => close(outdated.connection).await?,
            None => {}
        }
        let mut opened = Opened::new(connect, factory).await?;
        opened.inode = inode;
        // The keys of kept rows: a preview writes no file.
        sqlx::query("PRAGMA temp_store = MEMORY")
            .execute(&mut *opened.connection)
            .await
            .map_err(DatabaseError::on("hold temporary tables in memory"))?;
        Ok(opened)
    }

    /// Keeps what has no transaction, and no temporary tables.
    pub(super) async fn keep(&self, opened: Opened) -> Result<(), DatabaseError> {
        let more = self.kept.lock().await.replace(opened);
        match more {
            Some(more) => close(more.connection).await,
            None => Ok(()),
        }
    }

    /// Closes what is kept.
    pub(super) async fn close(&self) -> Result<(), DatabaseError> {
        match self.kept.lock().await.take() {
            Some(kept) => close(kept.connection).await,
            None => Ok(()),
        }
    }

    /// From outside: whoever opened and closed the file would drop the locks that SQLite has on it
    /// for this process
    /// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
    fn inode(&self) -> Option<(u64, u64)> {
        let status = std::fs::metadata(&self.file).ok()?;
        Some((status.dev(), status.ino()))
    }
}
