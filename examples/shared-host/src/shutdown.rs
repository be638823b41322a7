use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the process is asked to, by SIGINT or SIGTERM; asked during startup counts too.
///
/// # Errors
///
/// When the signals cannot be received.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
