//! Putting one database in the place of another.

use sqlx::SqliteConnection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::connection::OwnConnection;
use super::online_backup::OnlineBackup;

/// A database whose write lock is held for another to take its place. Dropping it gives the lock
/// back, and nothing has happened.
#[derive(Debug)]
pub(super) struct Replacement {
    go: oneshot::Sender<()>,
    end: oneshot::Receiver<Result<(), sqlx::Error>>,
}

impl Replacement {
    /// Locks every other writer out of the database of `destination`. That of `source` may still
    /// be written to, by other connections; it must not be empty.
    pub(super) async fn begin(
        source: OwnConnection,
        destination: OwnConnection,
    ) -> Result<Self, sqlx::Error> {
        let runtime = Handle::current();
        let (locked, is_locked) = oneshot::channel();
        let (go, going) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        // SQLite wants one thread for it all, which may have to wait for locks and disks.
        spawn_blocking(move || {
            let (mut source, mut destination) = (source, destination);
            let connections = (&mut *source, &mut *destination);
            // Who waits for it may have gone.
            let _ = ended.send(replace(&runtime, connections, locked, going));
            for connection in [source, destination] {
                if let Err(error) = runtime.block_on(connection.close()) {
                    tracing::debug!(error = error.to_string(), "closing the database");
                }
            }
        });
        if is_locked.await.is_ok() {
            return Ok(Self { go, end });
        }
        match ended_with(end).await {
            Err(error) => Err(error),
            Ok(()) => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// Puts the source in the place of the destination, durably. After an error nobody knows
    /// whether that has happened.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        // Where nobody takes it, the end tells why.
        let _ = self.go.send(());
        ended_with(self.end).await
    }

    /// Gives the lock back, and waits until that is done.
    pub(super) async fn give_up(self) -> Result<(), sqlx::Error> {
        drop(self.go);
        ended_with(self.end).await
    }
}

async fn ended_with(end: oneshot::Receiver<Result<(), sqlx::Error>>) -> Result<(), sqlx::Error> {
    end.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

fn replace(
    runtime: &Handle,
    (source, destination): (&mut SqliteConnection, &mut SqliteConnection),
    locked: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
) -> Result<(), sqlx::Error> {
    let pages = sqlx::query_scalar::<_, i64>("PRAGMA page_count").fetch_one(&mut *source);
    if runtime.block_on(pages)? == 0 {
        let error = "an empty database would be in the place of the other one at once";
        return Err(sqlx::Error::Protocol(error.to_owned()));
    }
    let from = runtime.block_on(source.lock_handle())?;
    let to = runtime.block_on(destination.lock_handle())?;
    let mut backup = OnlineBackup::begin(from, to)?;
    if backup.lock() {
        let waited_for = locked.send(()).is_ok();
        if waited_for && go.blocking_recv().is_ok() {
            backup.copy();
        }
    }
    backup.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

    use super::*;

    /// A connection that waits for no lock. While it is opened it does: one that was dropped
    /// before it may still be closing, and holds the file until then.
    async fn open(file: &Path) -> OwnConnection {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(60));
        let connection = options.connect().await.unwrap();
        let mut connection = OwnConnection::new(connection).await.unwrap();
        number(&mut connection, "SELECT count(*) FROM sqlite_schema").await;
        run(&mut connection, "PRAGMA busy_timeout = 0")
            .await
            .unwrap();
        connection
    }

    async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql));
        statements.execute(connection).await.map(drop)
    }

    async fn number(connection: &mut SqliteConnection, sql: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(sql));
        query.fetch_one(connection).await.unwrap()
    }

    const COUNT: &str = "SELECT count(*) FROM numbers";

    /// Two databases, of one row and of a thousand.
    async fn databases(directory: &Path) -> (OwnConnection, OwnConnection) {
        let (mut small, mut large) = (
            open(&directory.join("small.db")).await,
            open(&directory.join("large.db")).await,
        );
        let fill = "CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT);
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT";
        for (connection, rows) in [(&mut small, 1), (&mut large, 1000)] {
            let fill = format!("{fill} {rows}) INSERT INTO numbers SELECT i, 'text' FROM n");
            run(connection, &fill).await.unwrap();
        }
        (small, large)
    }

    #[tokio::test]
    async fn one_takes_the_place_of_the_other_under_those_who_use_it() {
        let directory = tempfile::tempdir().unwrap();
        let (small, mut user) = databases(directory.path()).await;
        let file = directory.path().join("large.db");
        let mut reader = open(&file).await;
        run(&mut reader, "BEGIN").await.unwrap();
        assert_eq!(number(&mut reader, COUNT).await, 1000);
        let replacement = Replacement::begin(small, open(&file).await).await.unwrap();
        assert_eq!(number(&mut user, COUNT).await, 1000, "nothing happens yet");
        let refused = run(&mut user, "DELETE FROM numbers").await;
        assert!(refused.is_err(), "and nobody else writes");
        replacement.commit().await.unwrap();
        assert_eq!(number(&mut user, COUNT).await, 1);
        assert_eq!(number(&mut reader, COUNT).await, 1000, "his snapshot stays");
        run(&mut reader, "ROLLBACK").await.unwrap();
        assert_eq!(number(&mut reader, COUNT).await, 1);
        let insert = "INSERT INTO numbers (text) VALUES ('more')";
        run(&mut user, insert).await.unwrap();
        assert_eq!(number(&mut reader, COUNT).await, 2);
        assert_eq!(
            number(
                &mut reader,
                "SELECT integrity_check = 'ok' FROM pragma_integrity_check"
            )
            .await,
            1
        );
    }

    #[tokio::test]
    async fn given_up_or_dropped_it_leaves_everything_and_gives_the_lock_back() {
        let directory = tempfile::tempdir().unwrap();
        let (small, mut user) = databases(directory.path()).await;
        let file = directory.path().join("large.db");
        let replacement = Replacement::begin(small, open(&file).await).await.unwrap();
        replacement.give_up().await.unwrap();
        run(&mut user, "DELETE FROM numbers WHERE n > 900")
            .await
            .unwrap();
        let small = open(&directory.path().join("small.db")).await;
        let replacement = Replacement::begin(small, open(&file).await).await.unwrap();
        drop(replacement);
        run(&mut user, "PRAGMA busy_timeout = 60000").await.unwrap();
        run(&mut user, "DELETE FROM numbers WHERE n > 800")
            .await
            .unwrap();
        assert_eq!(number(&mut user, COUNT).await, 800);
    }

    #[tokio::test]
    async fn what_cannot_take_a_place_is_refused_and_nothing_happens() {
        let directory = tempfile::tempdir().unwrap();
        let (small, mut user) = databases(directory.path()).await;
        let file = directory.path().join("large.db");
        let empty = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let empty = OwnConnection::new(empty).await.unwrap();
        let empty = Replacement::begin(empty, open(&file).await).await;
        assert!(
            empty.is_err(),
            "it would be in the place of the other at once"
        );
        let mut busy = open(&file).await;
        run(&mut busy, "BEGIN; SELECT count(*) FROM numbers")
            .await
            .unwrap();
        assert!(Replacement::begin(small, busy).await.is_err());
        let small = open(&directory.path().join("small.db")).await;
        run(&mut user, "BEGIN IMMEDIATE").await.unwrap();
        let locked = Replacement::begin(small, open(&file).await).await;
        assert!(super::super::locked::is_busy(&locked.unwrap_err()));
        run(&mut user, "COMMIT").await.unwrap();
        assert_eq!(number(&mut user, COUNT).await, 1000);
    }
}
