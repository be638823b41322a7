//! A page with one form, by which a service is taken into use.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// The page of a host: a document with a `<form>`, and a module that says what is sent. It loads
/// `form.css` and `fields.js` from the path that it is nested at; `fields.js` imports
/// `./form.js`. A field names the part of the body that it becomes in `data-path`.
#[derive(Clone, Copy, Debug)]
pub struct FormPage {
    /// The document.
    pub html: &'static str,
    /// Its module `fields.js`.
    pub fields: &'static str,
}

/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl FormPage {
    /// Its files, without state; to be nested.
    pub fn router(self) -> Router {
        let html = "text/html; charset=utf-8";
        let script = "text/javascript; charset=utf-8";
        Router::new()
            .route("/", file(html, self.html))
            .route("/fields.js", file(script, self.fields))
            .route("/form.js", file(script, include_str!("form.js")))
            .route(
                "/form.css",
                file("text/css; charset=utf-8", include_str!("form.css")),
            )
    }
}

fn file(kind: &'static str, content: &'static str) -> axum::routing::MethodRouter {
    get(async move || (headers(kind), content).into_response())
}

fn headers(kind: &'static str) -> [(HeaderName, HeaderValue); 6] {
    [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}
