use axum::body::{Body, Bytes};
use http_body_util::BodyExt;

/// How many bytes are read at most.
const MOST: usize = 8 * 1024 * 1024;

/// Reads the body of a refused request, unseen, beside the answer: were the connection closed
/// under a client that still sends, it might never see why. The body's deadline bounds the time.
pub async fn discard(mut body: Body) {
    let mut read = 0;
    while read < MOST
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}
