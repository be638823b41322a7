//! What parent and child say to each other: a length, and JSON of no more than a limit.

use std::io;

use factory_reset::cli::privileges::Owner;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use crate::inputs::Inputs;

/// The largest message that the parent takes from the child, in bytes: a manifest of `init`.
pub(super) const MOST_ASKED: u32 = 16 << 20;

/// The largest message that the child takes from the parent, in bytes: it holds a script.
pub(super) const MOST_GIVEN: u32 = 512 << 20;

/// The first message to the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handover {
    /// The user to become.
    pub(super) owner: Owner,
    /// The process that has to live on.
    pub(super) parent: i32,
    pub(super) inputs: Option<Inputs>,
}

/// A request of the child, with a number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Numbered<T> {
    pub(super) number: u64,
    pub(super) body: T,
}

/// What the parent does for the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Stop the service for this run.
    Stop { run: Uuid },
    /// Start the service that a run has stopped.
    Start,
    /// Leave the service stopped for good.
    Forget,
    /// Name the run that has stopped the service.
    StoppedBy,
    /// Write the manifest that `init` has made.
    Write { text: String },
}

/// The answer of the parent to the request of the same number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Done,
    StoppedBy { run: Option<Uuid> },
    Failed { text: String, exit: u8 },
}

/// `message` with its length before it.
pub(super) fn framed(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(json);
    Ok(frame)
}

pub(super) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    stream.write_all(&framed(message)?).await
}

/// Takes one message of at most `limit` bytes.
pub(super) async fn receive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    limit: u32,
) -> io::Result<T> {
    let length = stream.read_u32().await?;
    let mut json = vec![0; checked(length, limit)?];
    stream.read_exact(&mut json).await?;
    Ok(serde_json::from_slice(&json)?)
}

/// As [`receive`], before there is a runtime.
pub(super) fn receive_blocking<T: DeserializeOwned>(
    stream: &mut impl io::Read,
    limit: u32,
) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut json = vec![0; checked(u32::from_be_bytes(length), limit)?];
    stream.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

fn checked(length: u32, limit: u32) -> io::Result<usize> {
    match length <= limit {
        true => Ok(usize::try_from(length).unwrap_or(usize::MAX)),
        false => Err(io::Error::other(
            "a message between parent and child is too long",
        )),
    }
}
