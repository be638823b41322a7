//! An answer that keeps the gate closed until it is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::sleep;

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
    let gate = Arc::new(Mutex::new(Some(gate)));
    let longest = Arc::downgrade(&gate);
    tokio::spawn(async move {
        sleep(LONGEST).await;
        if let Some(gate) = longest.upgrade() {
            gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    });
    answer.map(|body| Body::new(Guarded { body, _gate: gate }))
}

/// Dropped by the server when it has taken the last of it.
struct Guarded {
    body: Body,
    /// Opened here, and not by a task that a client who has read the answer could outrun.
    _gate: Arc<Mutex<Option<ClosedGate>>>,
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
