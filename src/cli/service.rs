//! What commands ask of a service, wherever it is.

use async_trait::async_trait;
use futures::stream::BoxStream;
use uuid::Uuid;

use super::answer::Answer;
use super::event::Event;
use super::failure::Failure;
use super::interruption::Interruption;
use crate::selection::Selection;

/// A reset that is confirmed.
#[derive(Debug, Clone)]
pub(super) struct Reset {
    pub(super) selection: Selection,
    /// The phrase that was typed; none where the host has none.
    pub(super) phrase: Option<String>,
    /// The plan that was shown.
    pub(super) digest: String,
    /// The backup that is made first.
    pub(super) backup: Option<String>,
}

/// A restoration that is confirmed.
#[derive(Debug, Clone)]
pub(super) struct Restoration {
    pub(super) name: String,
    /// The phrase that was typed; none where the host has none.
    pub(super) phrase: Option<String>,
    /// The plan of everything that was shown.
    pub(super) digest: String,
}

/// A service that can be reset: the engine in this process, or a server.
///
/// An answer is that of the HTTP API. What takes long is given up, as far as that is possible,
/// when it is interrupted.
#[async_trait]
pub(super) trait Service: Send + Sync {
    async fn options(&self) -> Result<Answer, Failure>;

    async fn preview(&self, selection: &Selection) -> Result<Answer, Failure>;

    async fn reset(&self, reset: Reset, interruption: &Interruption) -> Result<Answer, Failure>;

    async fn backup(&self, name: &str, interruption: &Interruption) -> Result<Answer, Failure>;

    async fn backups(&self) -> Result<Answer, Failure>;

    async fn remove_backup(&self, name: &str) -> Result<Answer, Failure>;

    async fn restore(
        &self,
        restoration: Restoration,
        interruption: &Interruption,
    ) -> Result<Answer, Failure>;

    async fn history(&self) -> Result<Answer, Failure>;

    async fn run(&self, run: Uuid) -> Result<Answer, Failure>;

    /// Ends what was interrupted.
    async fn recover(&self) -> Result<Answer, Failure>;

    /// What happens from now on. Ends, if it ends at all, with a run.
    fn events(&self) -> BoxStream<'static, Event>;

    /// What is said to whoever interrupts, for as long as nothing is committed.
    fn on_interruption(&self) -> &'static str;
}
