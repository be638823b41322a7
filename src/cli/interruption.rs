//! Ctrl-C, and its like.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// Whether somebody wants the command to end. The first signal says so, further ones change
/// nothing: what has begun is undone or finished in good order.
#[derive(Debug, Clone, Default)]
pub(super) struct Interruption {
    token: CancellationToken,
}

impl Interruption {
    /// Takes SIGINT, SIGTERM and SIGHUP for as long as the process lives.
    pub(super) fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let interruption = Self::default();
        let token = interruption.token.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                token.cancel();
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
}
