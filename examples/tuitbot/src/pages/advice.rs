use super::KnownPassphrase;
use crate::{AppState, demo_install};

/// What to do at the address that the bot is served at.
pub(crate) async fn advice(state: &AppState, known: Option<&KnownPassphrase>) -> String {
    if known.is_some() {
        let passphrase = demo_install::PASSPHRASE;
        return format!("and sign in with the passphrase `{passphrase}`");
    }
    let advice = match state.configuration.exists().await {
        Ok(false) => "to set it up",
        // Whatever is wrong with it, the page tells.
        Ok(true) | Err(_) => "and sign in with your passphrase",
    };
    advice.to_owned()
}
