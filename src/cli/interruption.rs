//! Ctrl-C, and its like.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::failure::Failure;

/// How long the main thread has to notice a signal while the data is opened.
const GRACE: Duration = Duration::from_secs(1);

/// Whether somebody wants the command to end. The first signal says so, further ones change
/// nothing: what has begun is undone or finished in good order.
#[derive(Debug, Clone, Default)]
pub(super) struct Interruption {
    token: CancellationToken,
    /// Whether the process ends even if its main thread is blocked.
    exits: Arc<AtomicBool>,
}

impl Interruption {
    /// Takes SIGINT, SIGTERM and SIGHUP for as long as the process lives.
    pub(super) fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let interruption = Self::default();
        let Self { token, exits } = interruption.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                token.cancel();
                tokio::time::sleep(GRACE).await;
                if exits.load(Ordering::Relaxed) {
                    // A closed end stops no command.
                    let _ = writeln!(io::stderr(), "error: given up while the data was opened");
                    std::process::exit(Exit::Cancelled.code().into());
                }
            }
        });
        Ok(interruption)
    }

    /// Waits for it.
    pub(super) async fn come(&self) {
        self.token.cancelled().await;
    }

    pub(super) fn has_come(&self) -> bool {
        self.token.is_cancelled()
    }

    /// To be handed on to the engine.
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// What `work` gives, unless the interruption comes first; for work that changes nothing, or
    /// that can be cut off anywhere.
    pub(super) async fn or<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.come() => Err(Failure::cancelled()),
            result = work => result,
        }
    }

    /// As [`or`](Self::or), for work that can block the thread, such as opening a file that another
    /// user controls. The process exits if the thread is still blocked a second after a signal.
    /// That is as safe as a crash, because opening only recovers.
    pub(super) async fn or_exit<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.exits.store(true, Ordering::Relaxed);
        let result = self.or(work).await;
        self.exits.store(false, Ordering::Relaxed);
        result
    }
}
