//! Work in tasks of its own: it goes on when the one who waits for it goes away.

use std::future::{Future, pending};

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Runs file-system work where it may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    join(tokio::task::spawn_blocking(work)).await
}

/// Runs `work` to its end, whether or not the caller stays.
pub(crate) async fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    join(tokio::spawn(work.in_current_span())).await
}

async fn join<T>(handle: JoinHandle<T>) -> T {
    match handle.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime shuts down, and nobody is polled any more.
            Err(_) => pending().await,
        },
    }
}
