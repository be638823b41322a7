//! A socket whose writes have a deadline.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

use super::connection::Connection;
use super::connections::Connections;

/// A socket that fails when a write makes no progress for too long. Only a pending write counts:
/// a stream of events may be quiet.
pub(super) struct DeadlineStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    limit: Duration,
    /// Runs while a write is pending.
    deadline: Option<Pin<Box<Sleep>>>,
    is_stalled: bool,
    /// Returned once the socket was read.
    unread: Option<OwnedSemaphorePermit>,
}

impl DeadlineStream {
    pub(super) fn new(
        stream: TcpStream,
        connection: Arc<Connection>,
        connections: Arc<Connections>,
        limit: Duration,
        unread: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            stream,
            connection,
            connections,
            limit,
            deadline: None,
            is_stalled: false,
            unread: Some(unread),
        }
    }

    fn bounded(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            self.connection.stalled();
            self.connections.stalled();
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(deadline.as_mut().poll(context));
        self.connection.overdue();
        let error = "the client has not read for too long";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
    }
}

impl AsyncRead for DeadlineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.unread = None;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for DeadlineStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, data);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, data);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes the socket once its own buffer is empty. A client that reads a byte now
        // and then has not read everything, so it does not count as one that reads.
        if self.is_stalled {
            self.is_stalled = false;
            self.connection.flushed();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for DeadlineStream {
    fn drop(&mut self) {
        if self.connection.drops_unsent()
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::debug!(%error, "unsent data could not be dropped");
        }
    }
}
