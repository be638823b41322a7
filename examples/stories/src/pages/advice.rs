use crate::access::{KnownPassword, Users};
use crate::{AppState, demo};

/// What to do at the address that the service is served at.
pub(crate) async fn advice(state: &AppState, known: Option<&KnownPassword>) -> String {
    if known.is_some() {
        let (username, password) = demo::ADMINISTRATOR;
        return format!("and sign in as `{username}` with the password `{password}`");
    }
    match Users::new(state.database.clone()).are_any().await {
        Ok(false) => format!(
            "and create the first administrator: the setup token stands in `{}`",
            state.files.setup_token().display()
        ),
        // Whatever is wrong with it, the page tells.
        Ok(true) | Err(_) => "and sign in as an administrator".to_owned(),
    }
}
