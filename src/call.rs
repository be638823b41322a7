//! Calls what others have written: bounded in time, a panic caught.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::timeout;
use tracing::Instrument;

use crate::descriptor::StepDescriptor;
use crate::error::StepError;

/// Which method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Plan,
    Apply,
    Resume,
    Forget,
    #[cfg(feature = "backup")]
    Save,
    #[cfg(feature = "backup")]
    Restore,
}

/// Runs `work` of a step. A panic cannot leave anything half done that the engine does not
/// undo: it counts as a failure of the step.
pub(crate) async fn call<T>(
    method: Call,
    descriptor: &StepDescriptor,
    limit: Duration,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    let span = tracing::debug_span!("step", id = %descriptor.id, ?method);
    bounded(limit, work).instrument(span).await?
}

/// Runs `work` of others: at most for `limit`, a panic caught.
pub(crate) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, StepError> {
    match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => Err(StepError::Panicked(message(&*panic))),
        Err(_) => Err(StepError::TimedOut(limit)),
    }
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
