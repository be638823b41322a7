use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use factory_reset::http::{Page, SignIn};
use shared_host::{FormPage, lead_to, switch};

use super::KnownPassphrase;
use crate::{ConfigurationFile, demo_install};

/// Where the form is that takes the bot into use.
const ONBOARDING: &str = "/onboarding";
/// Where the options page is.
const OPTIONS: &str = "/settings/reset";

/// The pages, and at the root the way to the one that is needed. While the `known` passphrase is
/// in force the options page tells it.
pub(crate) fn router(configuration: ConfigurationFile, known: Option<KnownPassphrase>) -> Router {
    let form = FormPage {
        html: include_str!("onboarding.html"),
        fields: include_str!("onboarding.js"),
    };
    Router::new()
        .route("/", get(lead))
        .with_state(configuration)
        .nest_service(ONBOARDING, form.router())
        .nest_service(OPTIONS, options(known))
}

/// To the options page too when nobody can tell: it says what is wrong.
async fn lead(State(configuration): State<ConfigurationFile>) -> impl IntoResponse {
    match configuration.exists().await {
        Ok(false) => lead_to(ONBOARDING),
        Ok(true) | Err(_) => lead_to(OPTIONS),
    }
}

fn options(known: Option<KnownPassphrase>) -> Router {
    let page = Page::new("/api/reset")
        .name("Tuitbot")
        .sign_in(SignIn::passphrase("/api/auth/login", "/api/auth/status"))
        .afterwards(ONBOARDING);
    let plain = page.router();
    let Some(known) = known else {
        return plain;
    };
    let passphrase = demo_install::PASSPHRASE;
    let hinting = page.hint(format!(
        "This is the demo: the passphrase is `{passphrase}`."
    ));
    let is_in_force = move || {
        let known = known.clone();
        async move { known.is_in_force().await }
    };
    switch(is_in_force, hinting.router(), plain)
}
