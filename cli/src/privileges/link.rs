//! The child's end of the socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use factory_reset::cli::{Exit, Failure};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::message::{MOST_GIVEN, Numbered, Reply, Request, receive, send};

/// The request whose answer is awaited.
type Awaited = Arc<Mutex<Option<(u64, oneshot::Sender<Reply>)>>>;

/// What asks the parent, which has kept root. A request that follows another one cancels that.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    outbox: mpsc::UnboundedSender<Numbered<Request>>,
    awaited: Awaited,
    last: Arc<AtomicU64>,
}

/// Why the parent has not done what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gone {
    #[error("the process that keeps the rights of root is gone: run `factory-reset recover`")]
    Ended,
    #[error("{text}")]
    Refused { text: String, exit: u8 },
}

impl Link {
    /// Takes over `stream`, within a runtime.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (replies, requests) = tokio::net::UnixStream::from_std(stream)?.into_split();
        let (outbox, inbox) = mpsc::unbounded_channel();
        let awaited = Awaited::default();
        tokio::spawn(read(replies, awaited.clone()));
        // Tasks of their own, because a request that is given up must not leave half a message.
        tokio::spawn(write(requests, inbox, awaited.clone()));
        Ok(Self {
            outbox,
            awaited,
            last: Arc::default(),
        })
    }

    pub(crate) async fn stop(&self, run: Uuid) -> Result<(), Gone> {
        self.ask(Request::Stop { run }).await.map(drop)
    }

    pub(crate) async fn start(&self) -> Result<(), Gone> {
        self.ask(Request::Start).await.map(drop)
    }

    pub(crate) async fn forget(&self) -> Result<(), Gone> {
        self.ask(Request::Forget).await.map(drop)
    }

    pub(crate) async fn stopped_by(&self) -> Result<Option<Uuid>, Gone> {
        match self.ask(Request::StoppedBy).await? {
            Reply::StoppedBy { run } => Ok(run),
            _ => Ok(None),
        }
    }

    /// Writes the manifest of `init` where the caller wants it.
    pub(crate) async fn write(&self, text: String) -> Result<(), Failure> {
        let written = self.ask(Request::Write { text }).await;
        written.map(drop).map_err(|error| {
            let exit = match error {
                Gone::Refused { exit, .. } if exit == Exit::Refused.code() => Exit::Refused,
                Gone::Refused { .. } => Exit::Unreachable,
                Gone::Ended => Exit::Failed,
            };
            Failure::new(exit, error.to_string())
        })
    }

    async fn ask(&self, body: Request) -> Result<Reply, Gone> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, receiver) = oneshot::channel();
        *lock(&self.awaited) = Some((number, sender));
        let sent = self.outbox.send(Numbered { number, body });
        sent.map_err(|_| Gone::Ended)?;
        match receiver.await.map_err(|_| Gone::Ended)? {
            Reply::Failed { text, exit } => Err(Gone::Refused { text, exit }),
            reply => Ok(reply),
        }
    }
}

async fn write(
    mut stream: OwnedWriteHalf,
    mut inbox: mpsc::UnboundedReceiver<Numbered<Request>>,
    awaited: Awaited,
) {
    while let Some(request) = inbox.recv().await {
        if send(&mut stream, &request).await.is_err() {
            break;
        }
    }
    // The parent is gone. First nothing more is taken, so that no request is awaited after this.
    inbox.close();
    lock(&awaited).take();
}

async fn read(mut stream: OwnedReadHalf, awaited: Awaited) {
    while let Ok(Numbered { number, body }) = receive(&mut stream, MOST_GIVEN).await {
        let mut awaited = lock(&awaited);
        // The answer to a request that was given up is dropped.
        if awaited.as_ref().is_some_and(|(asked, _)| *asked == number)
            && let Some((_, sender)) = awaited.take()
        {
            let _ = sender.send(body);
        }
    }
    // The parent is gone, and answers nothing any more.
    lock(&awaited).take();
}

/// Nothing panics while it holds this lock.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
