//! What the host tells its page.

use serde::Serialize;

use super::sign_in::SignIn;

/// As it stands in `settings.json`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    /// Where the router of the reset service is.
    pub(super) api: String,
    /// What is reset, as people call it.
    pub(super) name: String,
    pub(super) sign_in: SignIn,
    /// What helps with signing in.
    pub(super) hint: Option<String>,
    /// Where everybody goes after a reset of everything.
    pub(super) afterwards: Option<String>,
}
