//! A connection of the engine's own, which stops with its owner.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{Connection, SqliteConnection};

use super::handle::{self, Switch};
use super::{DatabaseError, locked};

/// After how many instructions of SQLite's a statement looks whether it has to stop: some ten
/// microseconds.
const INSTRUCTIONS: i32 = 1_000;

/// A connection. Dropping it interrupts the statement that it runs: otherwise the thread in which
/// sqlx runs statements would finish it first, and hold its locks for as long.
///
/// What interrupts is SQLite's progress handler, which is called between two instructions and while
/// a statement is compiled. A COMMIT is one instruction, and so happens as a whole or not at all.
#[derive(Debug)]
pub(super) struct OwnConnection {
    // Before the connection, because fields are dropped in their order.
    stop: Stop,
    connection: SqliteConnection,
}

/// Tells the progress handler to stop, once it is dropped.
#[derive(Debug, Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl OwnConnection {
    /// Makes `connection` stop with its owner.
    pub(super) async fn new(mut connection: SqliteConnection) -> Result<Self, sqlx::Error> {
        let stop = Stop::default();
        let is_stopped = stop.0.clone();
        let goes_on = move || !is_stopped.load(Ordering::Relaxed);
        let mut handle = connection.lock_handle().await?;
        handle.set_progress_handler(INSTRUCTIONS, goes_on);
        drop(handle);
        Ok(Self { stop, connection })
    }

    /// Allows no code of the schema to run: neither triggers nor views, nor libraries.
    pub(super) async fn confine(&mut self) -> Result<(), sqlx::Error> {
        let mut handle = self.connection.lock_handle().await?;
        handle::limit(&mut handle, &handle::LIMITS);
        for switch in [Switch::Triggers, Switch::Views, Switch::Extensions] {
            handle::set(&mut handle, switch, false)?;
        }
        Ok(())
    }

    /// Lowers the limits that statements of a script have no need for.
    pub(super) async fn limit(&mut self) -> Result<(), sqlx::Error> {
        let mut handle = self.connection.lock_handle().await?;
        handle::limit(&mut handle, &[handle::PATTERNS]);
        Ok(())
    }

    /// Allows the triggers and views of the schema, or no longer: for statements of the host's own.
    pub(super) async fn allow(
        &mut self,
        switches: &[Switch],
        is_on: bool,
    ) -> Result<(), DatabaseError> {
        let failed = || locked::failed("set the connection up");
        let mut handle = self.connection.lock_handle().await.map_err(failed())?;
        for switch in switches {
            handle::set(&mut handle, *switch, is_on).map_err(failed())?;
        }
        Ok(())
    }

    /// Closes it, and waits until that is done.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        let Self { stop, connection } = self;
        let closed = connection.close().await;
        drop(stop);
        closed
    }
}

impl Deref for OwnConnection {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for OwnConnection {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
