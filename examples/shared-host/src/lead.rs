use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect};

/// Leads to another path for now: the next time it may be another one.
pub fn lead_to(path: &str) -> impl IntoResponse + use<> {
    let headers = AppendHeaders([(header::CACHE_CONTROL, "no-store")]);
    (headers, Redirect::to(path))
}
