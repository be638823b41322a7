//! Holds requests off while a reset runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::timeout;

/// Every request under way holds the lock for reading; a reset takes it for writing. Tokio's
/// lock is fair: once a reset waits, no further request gets in, so it is drained as soon as
/// those under way have ended.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    lock: Arc<RwLock<()>>,
}

/// A request under way; dropping it ends it.
#[derive(Debug)]
pub struct Entered {
    _guard: OwnedRwLockReadGuard<()>,
}

/// A gate that a reset has closed; dropping it opens the gate, unless that has been done: see
/// [`Engine::reset_behind_gate`](crate::Engine::reset_behind_gate).
#[derive(Debug)]
pub struct ClosedGate {
    guard: Option<OwnedRwLockWriteGuard<()>>,
}

impl ClosedGate {
    /// Opens it before its time.
    pub(crate) fn open(&mut self) {
        self.guard = None;
    }
}

impl Gate {
    /// Lets a request, or any other piece of work that writes, in; none while a reset runs.
    #[must_use]
    pub fn enter(&self) -> Option<Entered> {
        let guard = self.lock.clone().try_read_owned().ok()?;
        Some(Entered { _guard: guard })
    }

    /// Refuses every further request, and waits at most `limit` until those under way have
    /// ended.
    pub(crate) async fn close(&self, limit: Duration) -> Option<ClosedGate> {
        let guard = timeout(limit, self.lock.clone().write_owned()).await.ok()?;
        Some(ClosedGate { guard: Some(guard) })
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, poll};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn closing_waits_for_those_under_way_and_lets_nobody_else_in() {
        let gate = Gate::default();
        let (first, second) = (gate.enter(), gate.enter());
        assert!(first.is_some() && second.is_some());
        let mut closing = Box::pin(gate.close(LONG));
        assert!(poll!(&mut closing).is_pending());
        assert!(gate.enter().is_none(), "nobody gets in while it drains");
        drop(first);
        assert!(poll!(&mut closing).is_pending());
        assert!(gate.enter().is_none());
        drop(second);
        let closed = closing.now_or_never().flatten();
        assert!(closed.is_some());
        assert!(gate.enter().is_none());
        drop(closed);
        assert!(gate.enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_that_takes_too_long_opens_the_gate_again() {
        let gate = Gate::default();
        let under_way = gate.enter();
        assert!(gate.close(Duration::from_secs(1)).await.is_none());
        assert!(gate.enter().is_some());
        drop(under_way);
    }
}
