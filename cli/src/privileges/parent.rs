//! The process that keeps root.

use std::ffi::OsString;
use std::future::pending;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;

use factory_reset::chain;
use factory_reset::cli::privileges::Owner;
use factory_reset::cli::{Exit, Failure};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, getpid, kill_process};
use rustix::stdio::stdin;
use tokio::net::unix::OwnedReadHalf;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::message::{Handover, MOST_ASKED, Numbered, Reply, Request, framed, receive};
use crate::init::write;
use crate::inputs::Inputs;
use crate::service::Commands;
use crate::told;

/// How the child is called, so that it knows what it is.
pub(super) const NAME: &str = "factory-reset (as the owner of the data)";

/// How many bytes the message takes that carries one file descriptor.
const DESCRIPTOR: usize = rustix::cmsg_space!(ScmRights(1));

/// How Rust ends a process that has panicked.
const PANICKED: i32 = 101;

/// What the parent does for its child.
pub(super) struct Parent {
    pub(super) owner: Owner,
    pub(super) inputs: Option<Inputs>,
    /// The commands of the manifest.
    pub(super) commands: Option<Arc<Commands>>,
    /// Where `init` writes, and whether over a file that is there.
    pub(super) output: Option<(PathBuf, bool)>,
}

impl Parent {
    /// Runs the command line in a child, and ends as that does.
    pub(super) fn run(self) -> ExitCode {
        // One thread: the child learns of the death of the thread that has made it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let ended = runtime.and_then(|runtime| runtime.block_on(self.work()));
        ended.unwrap_or_else(|error| {
            let text = format!("no process can be run as {}: {error}", self.owner);
            told::failed(&Failure::new(Exit::Failed, text))
        })
    }

    async fn work(&self) -> io::Result<ExitCode> {
        let mut signals = signals()?;
        let arguments = std::env::args_os().skip(1).collect();
        let status = self.serve(arguments, false, &mut signals).await?;
        let was_killed = status.signal().is_some() || status.code() == Some(PANICKED);
        let commands = self.commands.as_ref();
        if was_killed && commands.is_some_and(|commands| commands.has_stopped()) {
            told::note("warning: the run was killed: recovering, to start the service again");
            self.recover(&mut signals).await?;
        }
        let code = status
            .code()
            .or(status.signal().map(|signal| 128 + signal))
            .and_then(|code| u8::try_from(code).ok());
        Ok(code.unwrap_or(Exit::Failed.code()).into())
    }

    /// Ends the run of a child that was killed, and starts the service as its outcome says.
    async fn recover(&self, signals: &mut mpsc::Receiver<Signal>) -> io::Result<()> {
        let Some(inputs) = &self.inputs else {
            return Ok(());
        };
        let manifest = inputs.file.clone().into_os_string();
        let arguments = vec!["--manifest".into(), manifest, "recover".into()];
        self.serve(arguments, true, signals).await.map(drop)
    }

    /// Runs a child to its end, and does what it asks for.
    async fn serve(
        &self,
        arguments: Vec<OsString>,
        is_silent: bool,
        signals: &mut mpsc::Receiver<Signal>,
    ) -> io::Result<ExitStatus> {
        let (mut child, stream) = self.spawn(arguments, is_silent)?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw);
        stream.set_nonblocking(true)?;
        let (requests, mut replies) = tokio::net::UnixStream::from_std(stream)?.into_split();
        let handover = Handover {
            owner: self.owner.clone(),
            parent: getpid().as_raw_nonzero().get(),
            inputs: self.inputs.clone(),
        };
        // A child that ends early has its own reason, which its status tells.
        let mut outbox = framed(&handover)?;
        let (sender, mut inbox) = mpsc::channel(1);
        let reading = tokio::spawn(read(requests, sender));
        let mut doing: Option<(u64, Doing<'_>)> = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                Some(signal) = signals.recv() => {
                    for signal in [signal, Signal::CONT] {
                        // It may have ended by now.
                        let _ = pid.map(|pid| kill_process(pid, signal));
                    }
                }
                // One request follows the answer to another, unless that is given up.
                Some(Numbered { number, body }) = inbox.recv() => {
                    drop(doing.take());
                    doing = Some((number, Box::pin(self.answer(body))));
                }
                (number, body) = answered(&mut doing) => {
                    doing = None;
                    outbox.extend(framed(&Numbered { number, body })?);
                }
                written = tokio::io::AsyncWriteExt::write(&mut replies, &outbox),
                    if !outbox.is_empty() =>
                {
                    match written {
                        Ok(written) => drop(outbox.drain(..written)),
                        Err(_) => outbox.clear(),
                    }
                }
            }
        };
        reading.abort();
        Ok(status)
    }

    fn spawn(&self, arguments: Vec<OsString>, is_silent: bool) -> io::Result<(Child, UnixStream)> {
        let (ours, its) = UnixStream::pair()?;
        // The file that runs now, whatever lies at its path.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(NAME).args(arguments).stdin(OwnedFd::from(its));
        if is_silent {
            // On stdout is what the first child was asked for.
            command.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
        }
        let child = command.spawn()?;
        let input = [stdin()];
        let mut space = [std::mem::MaybeUninit::uninit(); DESCRIPTOR];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&input));
        let byte = [IoSlice::new(&[0])];
        sendmsg(&ours, &byte, &mut control, SendFlags::NOSIGNAL)?;
        Ok((child, ours))
    }

    async fn answer(&self, request: Request) -> Reply {
        let failed = |text: String, exit: Exit| Reply::Failed {
            text,
            exit: exit.code(),
        };
        let refused = || failed("this command does not do that".to_owned(), Exit::Refused);
        if let Request::Write { text } = request {
            let Some((output, is_forced)) = &self.output else {
                return refused();
            };
            return match write::manifest(output, &text, *is_forced) {
                Ok(()) => Reply::Done,
                Err(failure) => failed(failure.to_string(), failure.exit()),
            };
        }
        let Some(commands) = &self.commands else {
            return refused();
        };
        let done = match request {
            Request::Stop { run } => commands.stop(run).await,
            Request::Start => commands.start().await,
            Request::Forget => commands.forget(),
            Request::StoppedBy => match commands.stopped_by() {
                Ok(run) => return Reply::StoppedBy { run },
                Err(error) => Err(error),
            },
            Request::Write { .. } => return refused(),
        };
        match done {
            Ok(()) => Reply::Done,
            Err(error) => failed(chain(&error), Exit::Failed),
        }
    }
}

type Doing<'a> = Pin<Box<dyn Future<Output = Reply> + 'a>>;

/// The answer to the request that is worked on, should there be one.
async fn answered(doing: &mut Option<(u64, Doing<'_>)>) -> (u64, Reply) {
    match doing {
        Some((number, doing)) => (*number, doing.await),
        None => pending().await,
    }
}

/// Hands on what the child asks for. A child that breaks the protocol is not heard any more.
async fn read(mut stream: OwnedReadHalf, sender: mpsc::Sender<Numbered<Request>>) {
    while let Ok(request) = receive(&mut stream, MOST_ASKED).await {
        if sender.send(request).await.is_err() {
            return;
        }
    }
}

/// The signals that ask this process to end, as long as it lives.
fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(8);
    for (kind, number) in [
        (SignalKind::interrupt(), Signal::INT),
        (SignalKind::terminate(), Signal::TERM),
        (SignalKind::hangup(), Signal::HUP),
    ] {
        let mut signal = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                let _ = sender.send(number).await;
            }
        });
    }
    Ok(receiver)
}
