//! What goes from one transaction to the next, of previews and resets: opening a connection,
//! reading the catalogue and counting cost more than clearing a small database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::DatabaseError;
use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::snapshot::Snapshot;
use super::start::Start;

/// How long the spare connection may take to say that it lives; a new one takes its place.
const ANSWER: Duration = Duration::from_secs(1);

/// A connection, for as long as somebody [keeps](Self::keep) it: a host that is not being reset has
/// no connection of the engine's open. And what was learnt last, by whomever.
#[derive(Debug, Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    keepers: usize,
    line: Option<Line>,
    learnt: Option<Learnt>,
}

/// A connection of the engine's own, in no transaction.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: PgConnection,
    pub(super) start: Option<Start>,
}

/// What one transaction has seen. It holds for every other that sees the same, of a server that
/// has not been down since.
#[derive(Debug, Clone)]
pub(super) struct Learnt {
    pub(super) start: Start,
    pub(super) snapshot: Snapshot,
    pub(super) catalogue: Arc<Catalogue>,
    /// How many rows each table has, with those that are kept.
    pub(super) counts: BTreeMap<String, u64>,
    /// By the tables that they are of.
    pub(super) fingerprints: BTreeMap<Vec<String>, String>,
}

/// Keeps the spare connection until it is dropped.
#[derive(Debug)]
pub(super) struct Keeper(Spare);

impl Line {
    pub(super) async fn open(connect: &Connect) -> Result<Self, DatabaseError> {
        let mut connection = connect.open().await?;
        let start = Start::of(&mut connection).await;
        Ok(Self { connection, start })
    }
}

impl Spare {
    /// Has what comes back kept from now on.
    pub(super) fn keep(&self) -> Keeper {
        self.kept().keepers += 1;
        Keeper(self.clone())
    }

    /// The connection that came back last, unless it has died meanwhile.
    pub(super) async fn take(&self) -> Option<Line> {
        let mut line = self.kept().line.take()?;
        let answer = timeout(ANSWER, line.connection.ping()).await;
        matches!(answer, Ok(Ok(()))).then_some(line)
    }

    /// Takes a connection back; closes it where nobody keeps it.
    pub(super) async fn give(&self, line: Line) {
        let surplus = {
            let mut kept = self.kept();
            if kept.keepers > 0 {
                kept.line.replace(line)
            } else {
                Some(line)
            }
        };
        if let Some(line) = surplus {
            close(line.connection).await;
        }
    }

    /// Remembers what was learnt.
    pub(super) fn learn(&self, learnt: Learnt) {
        self.kept().learnt = Some(learnt);
    }

    /// What was learnt last, should whoever has `snapshot`, on a connection to what was started at
    /// `start`, see the same.
    pub(super) fn learnt(&self, start: Option<&Start>, snapshot: &Snapshot) -> Option<Learnt> {
        let learnt = self.kept().learnt.clone();
        learnt.filter(|learnt| {
            Some(&learnt.start) == start && snapshot.sees_the_same_as(&learnt.snapshot)
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut kept = self.0.kept();
        kept.keepers -= 1;
        if kept.keepers == 0 {
            kept.line = None;
        }
    }
}
