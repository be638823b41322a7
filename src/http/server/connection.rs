//! What one connection does at the moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Address;

/// One open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: Address,
    /// Cancelled when the connection must make room for another one.
    pub(super) closed: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Since when the server waits for the client: for a head, or for the rest of a body. `None`
    /// while a handler works or an answer is being produced.
    waiting: Option<Instant>,
    /// Since when the client leaves data unread that the server has to send.
    stalled: Option<Instant>,
    /// The number of the request that is served. What earlier requests report is ignored, because
    /// the body of a refused request can outlive its answer.
    request: u64,
    /// Whether the write deadline has passed.
    is_overdue: bool,
}

impl Connection {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            closed: CancellationToken::new(),
            state: Mutex::new(State {
                waiting: Some(Instant::now()),
                stalled: None,
                request: 0,
                is_overdue: false,
            }),
        }
    }

    /// Since when only the client has been able to make progress; `None` while the server works on
    /// an answer, because such a connection is never closed to make room.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        state.stalled.or(state.waiting)
    }

    /// The head of a request has arrived. Returns the request's number. The idle time begins again,
    /// otherwise a request whose handler waits for its turn would be closed to make room first.
    pub(super) fn begin(&self) -> u64 {
        let mut state = self.state();
        state.waiting = Some(Instant::now());
        state.request
    }

    /// The whole of `request` has arrived, or its handler does not want the rest.
    pub(super) fn arrived(&self, request: u64) {
        let mut state = self.state();
        if state.request == request {
            state.waiting = None;
        }
    }

    /// The last of the answer to `request` was given to the socket's buffer.
    pub(super) fn answered(&self, request: u64) {
        let mut state = self.state();
        if state.request == request {
            state.request += 1;
            state.waiting = Some(Instant::now());
        }
    }

    /// Since when the client leaves data unread; `None` when it has read everything.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.state().stalled
    }

    /// The client reads nothing at the moment.
    pub(super) fn stalled(&self) {
        let mut state = self.state();
        state.stalled.get_or_insert_with(Instant::now);
    }

    /// The client has read everything.
    pub(super) fn flushed(&self) {
        self.state().stalled = None;
    }

    /// The client has read nothing for too long.
    pub(super) fn overdue(&self) {
        self.state().is_overdue = true;
    }

    /// Whether unsent data is to be dropped with the socket: otherwise the kernel would keep it
    /// for a client that does not read.
    pub(super) fn drops_unsent(&self) -> bool {
        let state = self.state();
        state.is_overdue || (self.closed.is_cancelled() && state.stalled.is_some())
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
