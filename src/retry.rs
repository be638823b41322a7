//! Tries again in the background what a reset could not finish.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::sleep;

use crate::engine::{Inner, Running};
use crate::recovery;

/// How long the first try waits; each further one waits twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Sees to it that what is left in `running` is tried again, until nothing is left or the
/// engine is gone.
pub(crate) fn schedule(inner: &Arc<Inner>, running: &mut Running) {
    if let Some(retry) = running.retry.take() {
        // It sleeps, perhaps for long, or waits for what we hold.
        retry.abort();
    }
    if running.is_settled() {
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
            let retry = AssertUnwindSafe(recovery::retry(&inner, &mut running));
            // One that panics is one that could not do it.
            if retry.catch_unwind().await.unwrap_or(false) {
                return;
            }
        }
    }));
}
