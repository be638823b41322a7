use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Keeps an answer out of every cache that does not say itself how it may be kept, because
/// answers hold tokens and settings; for `axum::middleware::map_response`.
pub async fn keep_private(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
