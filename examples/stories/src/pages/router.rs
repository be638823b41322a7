use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use factory_reset::http::{Page, SignIn};
use shared_host::{FormPage, lead_to, switch};

use crate::access::{KnownPassword, Users};
use crate::demo;

/// Where the form is that takes the service into use.
const ONBOARDING: &str = "/onboarding";
/// Where the options page is.
const OPTIONS: &str = "/settings/reset";
/// How long the database may take to tell; a reset may have locked the table.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pages, and at the root the way to the one that is needed. While the `known` password is in
/// force the options page tells it.
pub(crate) fn router(users: Users, known: Option<KnownPassword>) -> Router {
    let form = FormPage {
        html: include_str!("onboarding.html"),
        fields: include_str!("onboarding.js"),
    };
    Router::new()
        .route("/", get(lead))
        .with_state(users)
        .nest_service(ONBOARDING, form.router())
        .nest_service(OPTIONS, options(known))
}

/// To the options page too when nobody can tell: it says what is wrong.
async fn lead(State(users): State<Users>) -> impl IntoResponse {
    match tokio::time::timeout(PATIENCE, users.are_any()).await {
        Ok(Ok(false)) => lead_to(ONBOARDING),
        Ok(Ok(true) | Err(_)) | Err(_) => lead_to(OPTIONS),
    }
}

fn options(known: Option<KnownPassword>) -> Router {
    let page = Page::new("/api/reset")
        .name("Stories")
        .sign_in(SignIn::password("/api/auth/token"))
        .afterwards(ONBOARDING);
    let plain = page.router();
    let Some(known) = known else {
        return plain;
    };
    let (username, password) = demo::ADMINISTRATOR;
    let hinting = page.hint(format!(
        "This is the demo: sign in as `{username}` with the password `{password}`."
    ));
    let is_in_force = move || {
        let known = known.clone();
        async move { known.is_in_force().await }
    };
    switch(is_in_force, hinting.router(), plain)
}
