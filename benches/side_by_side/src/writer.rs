//! The service goes on while it is reset: a connection of its own that writes one small row
//! every millisecond, and notes how long each write took.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::failure::Failure;
use crate::process::Run;
use crate::runtime::block_on;

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(1);

/// Longer than the slowest contestant takes: no write is to fail.
const PATIENCE: Duration = Duration::from_secs(600);

/// The write: to a table that every contestant preserves.
const WRITE: &str = "UPDATE sessions SET expires_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
                     WHERE id = (SELECT min(id) FROM sessions)";

/// Writes until it is stopped.
pub(crate) struct Writer {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Write>, Failure>>,
}

struct Write {
    began: Instant,
    ended: Instant,
}

impl Writer {
    /// Writes one row into `database`.
    pub(crate) fn write_once(database: &Path) -> Result<(), Failure> {
        block_on(async {
            let mut connection = connect(database).await?;
            write(&mut connection).await?;
            Ok::<_, Failure>(connection.close().await?)
        })
    }

    /// Begins to write into `database`; the first write is done when this returns.
    pub(crate) fn start(database: &Path) -> Result<Self, Failure> {
        let mut connection = block_on(async {
            let mut connection = connect(database).await?;
            write(&mut connection).await?;
            Ok::<_, Failure>(connection)
        })?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            block_on(async {
                let mut writes = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    writes.push(write(&mut connection).await?);
                    thread::sleep(PAUSE);
                }
                Ok::<_, Failure>(writes)
            })
        });
        Ok(Self { is_over, thread })
    }

    /// Stops, and returns the longest time that one write took of those that met with `run`.
    pub(crate) fn longest_wait(self, run: &Run) -> Result<Duration, Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        let writes = self.thread.join().map_err(|_| "the writer panicked")??;
        let met = writes
            .iter()
            .filter(|write| write.ended > run.began && write.began < run.ended);
        let longest = met.map(|write| write.ended - write.began).max();
        Ok(longest.unwrap_or_default())
    }
}

async fn connect(database: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(database)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(PATIENCE)
        .connect()
        .await
}

async fn write(connection: &mut SqliteConnection) -> Result<Write, Failure> {
    let began = Instant::now();
    let done = sqlx::query(WRITE).execute(connection).await?;
    if done.rows_affected() != 1 {
        return Err("the row of the writer is gone".into());
    }
    Ok(Write {
        began,
        ended: Instant::now(),
    })
}
