//! The process that becomes the owner of the data.

use std::io::{self, IoSliceMut, stdin};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use factory_reset::cli::{Exit, Failure};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketType, recvmsg, sockopt,
};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::stdio::dup2_stdin;

use super::message::{Handover, MOST_GIVEN, receive_blocking};
use super::parent::NAME;
use crate::inputs::Inputs;

/// How many bytes the message takes that brings one file descriptor.
const DESCRIPTOR: usize = rustix::cmsg_space!(ScmRights(1));

/// A process whose parent has kept root.
pub(crate) struct Child {
    pub(crate) inputs: Option<Inputs>,
    pub(crate) stream: UnixStream,
}

impl Child {
    /// Becomes the user that the parent names; none if this process is no such child.
    pub(crate) fn inherited() -> Option<Result<Self, Failure>> {
        if std::env::args_os().next()? != NAME {
            return None;
        }
        Some(Self::begin())
    }

    fn begin() -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            let text = format!("the process that keeps the rights of root is gone: {error}");
            Failure::new(Exit::Failed, text)
        };
        let mut stream = take_stream().map_err(failed)?;
        let Handover {
            owner,
            parent,
            inputs,
        } = receive_blocking(&mut stream, MOST_GIVEN).map_err(failed)?;
        owner.become_it()?;
        // After the change of the user, which takes it back. The run is given up as for Ctrl-C,
        // because the service could not be started any more.
        set_parent_process_death_signal(Some(Signal::TERM))
            .map_err(|error| failed(error.into()))?;
        match getppid() {
            Some(pid) if pid.as_raw_nonzero().get() == parent => Ok(Self { inputs, stream }),
            _ => Err(failed(io::Error::other("it ended early"))),
        }
    }
}

/// Takes the socket that stands in for stdin, and puts the caller's stdin there, which comes
/// through it. No other descriptor is inherited, so none has to be made from a bare number.
fn take_stream() -> io::Result<UnixStream> {
    let stream: OwnedFd = stdin().as_fd().try_clone_to_owned()?;
    if sockopt::socket_type(&stream)? != SocketType::STREAM {
        return Err(io::Error::other("stdin is not its socket"));
    }
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); DESCRIPTOR];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut byte)];
    recvmsg(&stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut messages = control.drain();
    let Some(RecvAncillaryMessage::ScmRights(mut descriptors)) = messages.next() else {
        return Err(io::Error::other("stdin did not come through its socket"));
    };
    let input = descriptors.next();
    let input = input.ok_or_else(|| io::Error::other("stdin did not come through its socket"))?;
    dup2_stdin(&input)?;
    Ok(stream.into())
}
