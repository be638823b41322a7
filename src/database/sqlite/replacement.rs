//! Putting one database in the place of another.

use sqlx::{Connection, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::online_backup::OnlineBackup;

/// A database whose write lock is held for another to take its place. Dropping it gives the lock
/// back, and nothing has happened.
#[derive(Debug)]
pub(super) struct Replacement {
    go: oneshot::Sender<()>,
    end: JoinHandle<Result<(), sqlx::Error>>,
}

impl Replacement {
    /// Locks every other writer out of the database of `destination`. That of `source` may still
    /// be written to, by other connections; it must not be empty.
    pub(super) async fn begin(
        source: SqliteConnection,
        destination: SqliteConnection,
    ) -> Result<Self, sqlx::Error> {
        let runtime = Handle::current();
        let (locked, is_locked) = oneshot::channel();
        let (go, going) = oneshot::channel();
        // SQLite wants one thread for it all, which may have to wait for locks and disks.
        let end = spawn_blocking(move || replace(&runtime, source, destination, locked, going));
        if is_locked.await.is_ok() {
            return Ok(Self { go, end });
        }
        match ended(end).await {
            Err(error) => Err(error),
            Ok(()) => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// Puts the source in the place of the destination, durably. After an error nobody knows
    /// whether that has happened.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        // Where nobody takes it, the end tells why.
        let _ = self.go.send(());
        ended(self.end).await
    }

    /// Gives the lock back, and waits until that is done.
    pub(super) async fn give_up(self) -> Result<(), sqlx::Error> {
        drop(self.go);
        ended(self.end).await
    }
}

async fn ended(end: JoinHandle<Result<(), sqlx::Error>>) -> Result<(), sqlx::Error> {
    end.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

fn replace(
    runtime: &Handle,
    mut source: SqliteConnection,
    mut destination: SqliteConnection,
    locked: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
) -> Result<(), sqlx::Error> {
    let pages = sqlx::query_scalar::<_, i64>("PRAGMA page_count").fetch_one(&mut source);
    if runtime.block_on(pages)? == 0 {
        let error = "an empty database would be in the place of the other one at once";
        return Err(sqlx::Error::Protocol(error.to_owned()));
    }
    let result = {
        let from = runtime.block_on(source.lock_handle())?;
        let to = runtime.block_on(destination.lock_handle())?;
        let mut backup = OnlineBackup::begin(from, to)?;
        if backup.lock() {
            // Who waits for it may have gone.
            let waited_for = locked.send(()).is_ok();
            if waited_for && go.blocking_recv().is_ok() {
                backup.copy();
            }
        }
        backup.finish()
    };
    for connection in [source, destination] {
        if let Err(error) = runtime.block_on(connection.close()) {
            tracing::debug!(%error, "closing the database");
        }
    }
    result
}

/// Copies the database of `source` over that of `destination`. Blocks for as long as that takes.
pub(super) async fn copy(
    source: &mut SqliteConnection,
    destination: &mut SqliteConnection,
) -> Result<(), sqlx::Error> {
    let from = source.lock_handle().await?;
    let to = destination.lock_handle().await?;
    let mut backup = OnlineBackup::begin(from, to)?;
    backup.copy();
    backup.finish()
}
