//! Tries again in the background what a reset could not finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::engine::{Inner, Running};
use crate::recovery;

/// How long the first try waits; each further one waits twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Sees to it that what is left in `running` is tried again, until nothing is left or the
/// engine is gone.
pub(crate) fn schedule(inner: &Arc<Inner>, running: &mut Running) {
    let is_retried = |retry: &JoinHandle<()>| !retry.is_finished();
    if running.is_settled() || running.retry.as_ref().is_some_and(is_retried) {
        return;
    }
    let inner = Arc::downgrade(inner);
    running.retry = Some(tokio::spawn(async move {
        let mut wait = FIRST;
        loop {
            sleep(wait).await;
            wait = LONGEST.min(wait * 2);
            let Some(inner) = inner.upgrade() else {
                return;
            };
            let mut running = inner.running.lock().await;
            if recovery::retry(&inner, &mut running).await {
                // Not finished yet, but it will do nothing more.
                running.retry = None;
                return;
            }
        }
    }));
}
