//! What a caller asks of a reset.

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::selection::Selection;

/// A reset that is asked for. It does nothing until it is confirmed.
///
/// ```
/// use factory_reset::{ResetRequest, Selection};
/// let request = ResetRequest::new(Selection::all())
///     .phrase("RESET EXAMPLE")
///     .actor("admin");
/// # let _ = request;
/// ```
#[derive(Debug, Clone)]
pub struct ResetRequest {
    pub(crate) selection: Selection,
    pub(crate) confirmation: Confirmation,
    pub(crate) actor: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) run: Option<Uuid>,
    /// The name of the backup that is made first.
    pub(crate) backup: Option<String>,
    /// Becomes active at the commit.
    pub(crate) setup_token: Option<String>,
    /// The name of the backup that is put back instead.
    pub(crate) restore: Option<String>,
    pub(crate) cancellation: CancellationToken,
}

/// How a request is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Confirmation {
    None,
    /// The host's phrase, as it was typed.
    Phrase(String),
    /// The caller has asked in a way of its own.
    Explicit,
}

impl ResetRequest {
    /// Asks for a reset of `selection`.
    #[must_use]
    pub fn new(selection: Selection) -> Self {
        Self {
            selection,
            confirmation: Confirmation::None,
            actor: None,
            digest: None,
            run: None,
            backup: None,
            setup_token: None,
            restore: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// Confirms it with the phrase as it was typed; the engine compares it, byte by byte,
    /// with the host's.
    #[must_use]
    pub fn phrase(mut self, phrase: impl Into<String>) -> Self {
        self.confirmation = Confirmation::Phrase(phrase.into());
        self
    }

    /// Confirms it without a phrase: the caller has made sure in another way.
    #[must_use]
    pub fn confirmed(mut self) -> Self {
        self.confirmation = Confirmation::Explicit;
        self
    }

    /// Says who asks; it stands in the report.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Resets only if the plan still has this digest.
    #[must_use]
    pub fn digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// Gives the run this number, so that its end can be looked up in the history.
    #[must_use]
    pub fn run(mut self, run: Uuid) -> Self {
        self.run = Some(run);
        self
    }

    /// Makes a backup called `name` of everything first, and does not reset if that fails.
    #[cfg(feature = "backup")]
    #[must_use]
    pub fn backup(mut self, name: impl Into<String>) -> Self {
        self.backup = Some(name.into());
        self
    }

    /// Activates a [setup token](crate::OwnerProof::issue) at the commit, if this run hands the
    /// service over. The caller shows it afterwards to prove to be the owner. Every other setup
    /// token is dropped then.
    #[must_use]
    pub fn setup_token(mut self, token: impl Into<String>) -> Self {
        self.setup_token = Some(token.into());
        self
    }

    /// Gives the reset up when `cancellation` is cancelled before the commit: everything is put
    /// back. After the commit it is finished.
    #[must_use]
    pub fn cancelled_by(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// What is selected.
    #[must_use]
    pub fn selection(&self) -> &Selection {
        &self.selection
    }
}
