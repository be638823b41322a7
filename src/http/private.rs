//! Headers of answers that are for their caller alone.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Keeps `response` out of every cache, because answers hold tokens, names and reports; and keeps
/// browsers from guessing another content type and from telling other sites its address.
pub(super) async fn keep_private(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
