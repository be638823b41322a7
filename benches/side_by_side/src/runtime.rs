//! Waits for futures from code that is not asynchronous.

use crate::failure::Failure;

/// Runs `future` to its end.
pub(crate) fn block_on<T, E: Into<Failure>>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
        .map_err(Into::into)
}
