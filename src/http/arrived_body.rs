//! Reads a body to its end before its request enters the gate.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How large a body may be unless the host says otherwise, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How long a body may take to arrive. Hosts may have a shorter deadline.
const DEADLINE: Duration = Duration::from_secs(30);
/// How many bytes of a body need no share of the budget: ordinary requests are served although the
/// budget is used up.
const FREE: usize = 16 * 1024;
/// How many bytes beyond that all bodies together may hold, in units of [`UNIT`].
const BUDGET: usize = 32 * 1024;
/// The unit of the budget, in bytes.
const UNIT: usize = 1024;
/// How much of a refused body is read beside the answer, in bytes.
const DISCARDED: usize = 8 * 1024 * 1024;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    /// The bodies of other requests hold the whole budget.
    NoRoom,
    TimedOut,
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "request body too large"),
            Self::NoRoom => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many large requests: try again in a moment",
            ),
            Self::TimedOut => (StatusCode::REQUEST_TIMEOUT, "request timed out"),
        };
        let body = Json(json!({ "success": false, "error": error }));
        let mut response = (status, body).into_response();
        if self == Self::NoRoom {
            let wait = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}

/// Reads bodies, all of them within one budget of memory.
#[derive(Debug, Clone)]
pub(super) struct BodyReader {
    largest: usize,
    budget: Arc<Semaphore>,
}

impl Default for BodyReader {
    fn default() -> Self {
        Self {
            largest: LARGEST,
            budget: Arc::new(Semaphore::new(BUDGET)),
        }
    }
}

impl BodyReader {
    pub(super) fn largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Waits until `body` has arrived. One that fails is returned with what came before the
    /// failure and the failure itself, so that the handler words the refusal.
    pub(super) async fn read(&self, mut body: Body) -> Result<Body, Unread> {
        if body.is_end_stream() {
            return Ok(body);
        }
        let mut arrived = Arrived::default();
        let reading = timeout(DEADLINE, self.fill(&mut arrived, &mut body)).await;
        match reading.unwrap_or(Err(Unread::TimedOut)) {
            Ok(()) => Ok(Body::new(arrived)),
            Err(unread) => {
                // Were the connection closed under a client that still sends, it might not see
                // the answer.
                tokio::spawn(timeout(DEADLINE, discard(body)));
                Err(unread)
            }
        }
    }

    async fn fill(&self, arrived: &mut Arrived, body: &mut Body) -> Result<(), Unread> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > self.largest {
            return Err(Unread::TooLarge);
        }
        let mut data = Vec::new();
        while let Some(frame) = next(body).await {
            match frame {
                Ok(frame) => {
                    // Nothing reads trailers.
                    let Ok(bytes) = frame.into_data() else {
                        continue;
                    };
                    let length = data.len() + bytes.len();
                    if length > self.largest {
                        return Err(Unread::TooLarge);
                    }
                    self.take_share(arrived, length)?;
                    // Copied: a small piece would keep the whole buffer of the connection.
                    data.extend_from_slice(&bytes);
                }
                Err(error) => {
                    arrived.error = Some(error);
                    break;
                }
            }
        }
        if !data.is_empty() {
            arrived.data = Some(data.into());
        }
        Ok(())
    }

    /// Raises the share of a body to `length` bytes.
    fn take_share(&self, arrived: &mut Arrived, length: usize) -> Result<(), Unread> {
        let wanted = length.saturating_sub(FREE).div_ceil(UNIT);
        let held = arrived.share.as_ref();
        let missing = wanted.saturating_sub(held.map_or(0, OwnedSemaphorePermit::num_permits));
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| Unread::NoRoom)?;
        let more = Arc::clone(&self.budget).try_acquire_many_owned(missing);
        let more = more.map_err(|_| Unread::NoRoom)?;
        match &mut arrived.share {
            Some(share) => share.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

async fn next(body: &mut Body) -> Option<Result<Frame<Bytes>, axum::Error>> {
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

async fn discard(mut body: Body) {
    let mut read = 0;
    while read < DISCARDED
        && let Some(Ok(frame)) = next(&mut body).await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A body that has arrived.
#[derive(Default)]
struct Arrived {
    data: Option<Bytes>,
    /// What kept the rest from arriving.
    error: Option<axum::Error>,
    /// Returned when the handler has read the body.
    share: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Arrived {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Poll::Ready(match self.data.take() {
            Some(data) => Some(Ok(Frame::data(data))),
            None => self.error.take().map(Err),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.error.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.data.as_ref().map_or(0, Bytes::len) as u64;
        match self.error {
            None => SizeHint::with_exact(length),
            Some(_) => SizeHint::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::{StreamExt, stream};

    use super::*;

    fn pieces(pieces: &[&'static [u8]]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::from(*piece)).collect();
        Body::from_stream(stream::iter(pieces).map(Ok::<_, axum::Error>))
    }

    #[tokio::test]
    async fn a_body_arrives_whole_or_is_too_large() {
        let reader = BodyReader::default().largest(4);
        let body = reader.read(pieces(&[b"ab", b"cd"])).await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(to_bytes(body, 4).await.unwrap(), "abcd");
        for large in [pieces(&[b"abc", b"de"]), Body::from("abcde")] {
            assert_eq!(reader.read(large).await.unwrap_err(), Unread::TooLarge);
        }
    }

    #[tokio::test]
    async fn a_body_that_fails_keeps_its_failure() {
        let failing = [Ok("ab"), Err(axum::Error::new("cut off"))];
        let body = Body::from_stream(stream::iter(failing));
        let body = BodyReader::default().read(body).await.unwrap();
        let error = to_bytes(body, 4).await.unwrap_err();
        assert!(crate::chain(&error).contains("cut off"), "{error}");
    }

    #[tokio::test]
    async fn small_bodies_arrive_although_large_ones_hold_the_budget() {
        const LARGE: usize = 1024 * 1024;
        let reader = BodyReader::default();
        let large = || Body::from(vec![0; LARGE]);
        let mut held = Vec::new();
        let refused = loop {
            match reader.read(large()).await {
                Ok(body) => held.push(body),
                Err(unread) => break unread,
            }
        };
        assert_eq!(refused, Unread::NoRoom);
        assert!(held.len() * LARGE <= BUDGET * UNIT + held.len() * FREE);
        assert!(reader.read(Body::from(vec![0; FREE])).await.is_ok());
        drop(held);
        assert!(reader.read(large()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, axum::Error>>());
        let unread = BodyReader::default().read(endless).await.unwrap_err();
        assert_eq!(unread, Unread::TimedOut);
    }
}
