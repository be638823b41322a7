//! Bodies that report when they have arrived, and when they have been sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::connection::Connection;

/// The body of a request. Dropping it means that the handler does not want the rest.
pub(super) struct Arriving {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    connection: Arc<Connection>,
    request: u64,
}

impl Arriving {
    /// The body of `request`, which must have arrived within `limit`.
    pub(super) fn body(
        body: Incoming,
        connection: Arc<Connection>,
        request: u64,
        limit: Duration,
    ) -> Body {
        if body.is_end_stream() {
            connection.arrived(request);
            return Body::empty();
        }
        Body::new(Self {
            body,
            deadline: Box::pin(sleep(limit)),
            connection,
            request,
        })
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(frame)) => {
                if frame.is_err() || self.body.is_end_stream() {
                    self.connection.arrived(self.request);
                }
                Poll::Ready(Some(frame.map_err(Into::into)))
            }
            Poll::Ready(None) => {
                self.connection.arrived(self.request);
                Poll::Ready(None)
            }
            Poll::Pending => self.deadline.as_mut().poll(context).map(|()| {
                let error = "the body of the request has not arrived in time";
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, error).into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.connection.arrived(self.request);
    }
}

/// The body of an answer, until the server has taken the last of it.
pub(super) struct Sending {
    body: Body,
    connection: Arc<Connection>,
    request: u64,
}

impl Sending {
    pub(super) fn body(body: Body, connection: Arc<Connection>, request: u64) -> Body {
        Body::new(Self {
            body,
            connection,
            request,
        })
    }
}

impl HttpBody for Sending {
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

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.answered(self.request);
    }
}
