//! An answer that keeps the gate closed until it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};

use crate::gate::ClosedGate;

/// Keeps `gate` closed until `answer` is on its way, or its client has gone: whatever is
/// accepted afterwards was accepted after the reset, also in the eyes of the caller.
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
    answer.map(|body| Body::new(Guarded { body, _gate: gate }))
}

/// Dropped by the server when it has sent the last of it.
struct Guarded {
    body: Body,
    _gate: ClosedGate,
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
