//! The page as a host sets it up, and its routes.

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::HeaderMap;
use axum::routing::get;

use super::asset::{ASSETS, Asset};
use super::settings::Settings;
use super::sign_in::SignIn;

/// The options page: what goes and what stays, backups, history, and the reset itself, live.
///
/// All that it shows comes from the [router](fn@crate::http::router) of the reset service, with the
/// rights of whoever has signed in; the page itself tells nothing, and lies outside of the host's
/// authentication and of its gate. It loads nothing from elsewhere and runs under a strict
/// `Content-Security-Policy`.
///
/// ```
/// use factory_reset::http::{Page, SignIn};
/// # fn app(app: axum::Router) -> axum::Router {
/// let page = Page::new("/api/reset")
///     .name("Tuitbot")
///     .sign_in(SignIn::passphrase("/api/auth/login", "/api/auth/status"))
///     .afterwards("/onboarding");
/// // As a service it answers at `/settings/reset` and at `/settings/reset/`.
/// app.nest_service("/settings/reset", page.router())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Page {
    settings: Settings,
}

impl Page {
    /// A page for the service whose router the host has nested at `api`, a path like
    /// `/api/reset`. People sign in with a bearer token, unless the host says otherwise.
    #[must_use]
    pub fn new(api: impl Into<String>) -> Self {
        let api: String = api.into();
        Self {
            settings: Settings {
                api: api.trim_end_matches('/').to_owned(),
                name: String::new(),
                sign_in: SignIn::token(),
                hint: None,
                afterwards: None,
            },
        }
    }

    /// What is reset, as people call it; stands in titles.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How people sign in.
    #[must_use]
    pub fn sign_in(mut self, way: SignIn) -> Self {
        self.settings.sign_in = way;
        self
    }

    /// What is shown beside the form for signing in, to everybody.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.settings.hint = Some(hint.into());
        self
    }

    /// Where everybody goes once a reset of everything is done, in every open tab: a path like
    /// `/onboarding`. Without it the report stays.
    #[must_use]
    pub fn afterwards(mut self, path: impl Into<String>) -> Self {
        self.settings.afterwards = Some(path.into());
        self
    }

    /// The files of the page, to be nested where the host wants it.
    ///
    /// [`Router::nest_service`] serves the page with and without a slash at the end of its path;
    /// [`Router::nest`] as it is written there only.
    pub fn router(&self) -> Router {
        // Strings always make JSON.
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        let settings = Asset::json(settings);
        let settings = get(async move |headers: HeaderMap| settings.answer(&headers));
        let router = Router::new()
            .route("/", get(show))
            .route("/settings.json", settings);
        ASSETS.iter().fold(router, |router, (path, asset)| {
            router.route(path, get(async |headers: HeaderMap| asset.answer(&headers)))
        })
    }
}

/// The document refers to its files relative to the path that it was asked for at.
async fn show(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> axum::response::Response {
    let place = uri.path().rsplit('/').next().unwrap_or_default();
    Asset::document(place).answer(&headers)
}
