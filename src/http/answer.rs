//! An answer that keeps the gate closed until it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::gate::ClosedGate;

/// How long an answer that its client does not take keeps everybody else out.
const LONGEST: Duration = Duration::from_secs(5);

/// Keeps `gate` closed until the server has taken the last of `answer` to send it, or its
/// client has gone, and for 5 seconds at most: whatever is accepted afterwards was accepted after
/// the reset, also in the eyes of the caller. Call it within a Tokio runtime.
///
/// ```
/// # use axum::{Json, extract::State, response::{IntoResponse, Response}};
/// # use factory_reset::{Engine, ResetError, ResetRequest, Selection, http::answer_behind_gate};
/// async fn reset(engine: Engine) -> Result<Response, ResetError> {
///     let request = ResetRequest::new(Selection::all()).confirmed();
///     let (report, gate) = engine.reset_behind_gate(request).await?;
///     Ok(answer_behind_gate(Json(report).into_response(), gate))
/// }
/// ```
#[must_use]
pub fn answer_behind_gate(answer: Response, gate: ClosedGate) -> Response {
    let (taken, is_taken) = oneshot::channel();
    tokio::spawn(async move {
        // Taken, or dropped, or neither.
        let _ = timeout(LONGEST, is_taken).await;
        drop(gate);
    });
    answer.map(|body| {
        Body::new(Guarded {
            body,
            _taken: taken,
        })
    })
}

/// Dropped by the server when it has taken the last of it.
struct Guarded {
    body: Body,
    _taken: oneshot::Sender<()>,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
