//! What goes from one transaction of a reset to the next: opening a connection, reading the
//! catalogue and counting cost more than clearing a small database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::catalogue::Catalogue;
use super::connect::close;
use super::snapshot::Snapshot;

/// How long the spare connection may take to say that it lives; a new one takes its place.
const ANSWER: Duration = Duration::from_secs(1);

/// A connection, and what was learnt through it, for as long as somebody [keeps](Self::keep) it:
/// a host that is not being reset has no connection of the engine's open.
#[derive(Debug, Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    keepers: usize,
    connection: Option<PgConnection>,
    learnt: Option<Learnt>,
}

/// What one transaction has seen. It holds for every other that sees the same.
#[derive(Debug, Clone)]
pub(super) struct Learnt {
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

impl Spare {
    /// Has what comes back kept from now on.
    pub(super) fn keep(&self) -> Keeper {
        self.kept().keepers += 1;
        Keeper(self.clone())
    }

    /// The connection that came back last, unless it has died meanwhile.
    pub(super) async fn take(&self) -> Option<PgConnection> {
        let mut connection = self.kept().connection.take()?;
        let answer = timeout(ANSWER, connection.ping()).await;
        matches!(answer, Ok(Ok(()))).then_some(connection)
    }

    /// Takes a connection back that is in no transaction; closes it where nobody keeps it.
    pub(super) async fn give(&self, connection: PgConnection) {
        let surplus = {
            let mut kept = self.kept();
            if kept.keepers > 0 {
                kept.connection.replace(connection)
            } else {
                Some(connection)
            }
        };
        if let Some(connection) = surplus {
            close(connection).await;
        }
    }

    /// Remembers what was learnt.
    pub(super) fn learn(&self, learnt: Learnt) {
        let mut kept = self.kept();
        if kept.keepers > 0 {
            kept.learnt = Some(learnt);
        }
    }

    /// What was learnt last, should whoever has `snapshot` see the same.
    pub(super) fn learnt(&self, snapshot: &Snapshot) -> Option<Learnt> {
        let learnt = self.kept().learnt.clone();
        learnt.filter(|learnt| snapshot.sees_the_same_as(&learnt.snapshot))
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
            kept.connection = None;
            kept.learnt = None;
        }
    }
}
