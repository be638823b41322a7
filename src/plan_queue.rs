//! How many plans are made at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many plans are made at a time. Each opens connections and threads, and SQLite keeps the
/// file descriptors of the most that were open at once.
const CONCURRENT: usize = 4;
/// How many callers wait.
const WAITING: usize = 32;
/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// The plans of callers. Those of runs are made beside it, so that previews do not delay a reset.
#[derive(Debug)]
pub(crate) struct PlanQueue {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Permits one plan.
#[derive(Debug)]
pub(crate) struct PlanTurn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Default for PlanQueue {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(CONCURRENT + WAITING)),
            turns: Arc::new(Semaphore::new(CONCURRENT)),
        }
    }
}

impl PlanQueue {
    /// Waits for a turn; `None` when too many callers wait already, or for too long.
    pub(crate) async fn turn(&self) -> Option<PlanTurn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        Some(PlanTurn {
            _place: place,
            _turn: turn.ok()?.ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use futures::{FutureExt, poll};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn further_callers_wait_and_those_beyond_are_refused() {
        let queue = PlanQueue::default();
        let turns = join_all((0..CONCURRENT).map(|_| queue.turn())).await;
        assert!(turns.iter().all(Option::is_some));
        let mut waiting: Vec<_> = (0..WAITING).map(|_| queue.turn().boxed()).collect();
        for turn in &mut waiting {
            assert!(poll!(turn).is_pending());
        }
        assert!(queue.turn().now_or_never().unwrap().is_none());
        drop(waiting.pop());
        assert!(
            queue.turn().now_or_never().is_none(),
            "a caller that has gone leaves its place"
        );
        drop(turns);
        // Each gives its turn back at once, because the next one waits for it.
        let served = waiting
            .into_iter()
            .map(|turn| turn.map(|turn| turn.is_some()));
        assert!(join_all(served).await.iter().all(|is_served| *is_served));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let queue = PlanQueue::default();
        let _turns = join_all((0..CONCURRENT).map(|_| queue.turn())).await;
        assert!(queue.turn().await.is_none());
    }
}
