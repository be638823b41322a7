//! What a saved table is made of, as bytes: written and read piece by piece, with a sum at
//! the end.

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How much is written, or asked for, at once.
const CHUNK: usize = 64 * 1024;

/// Why bytes are not those of a saved table.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it cannot be read")]
    Unreadable(#[from] std::io::Error),
    #[error("it ends too early")]
    Truncated,
    #[error("there is more of it than one table")]
    TooLong,
    #[error("it was saved from another table, or from one with other columns")]
    OtherTable,
    #[error("there is no kind {0} of rows or values")]
    UnknownKind(u8),
    #[error("a row is larger than SQLite's rows can be")]
    TooLarge,
    #[error("a row has no number")]
    NoNumber,
    #[error("a counter is not about the table")]
    OtherCounter,
    #[error("its sum is not that of its content: it was damaged on the way")]
    Damaged,
}

/// Where a table is saved to.
pub(super) struct Output<'a> {
    output: &'a mut (dyn AsyncWrite + Send + Unpin),
    buffer: Vec<u8>,
    sum: Sha256,
}

impl<'a> Output<'a> {
    pub(super) fn new(output: &'a mut (dyn AsyncWrite + Send + Unpin)) -> Self {
        Self {
            output,
            buffer: Vec::with_capacity(2 * CHUNK),
            sum: Sha256::new(),
        }
    }

    /// What comes next is put at its end.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what has come together, when it is enough.
    pub(super) async fn settle(&mut self) -> std::io::Result<()> {
        if self.buffer.len() >= CHUNK {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes the rest, and the sum of it all.
    pub(super) async fn finish(mut self) -> std::io::Result<()> {
        self.write().await?;
        self.output.write_all(&self.sum.finalize()).await?;
        self.output.flush().await
    }

    async fn write(&mut self) -> std::io::Result<()> {
        self.sum.update(&self.buffer);
        self.output.write_all(&self.buffer).await?;
        self.buffer.clear();
        Ok(())
    }
}

/// Where a table is loaded from.
pub(super) struct Input<'a> {
    input: &'a mut (dyn AsyncRead + Send + Unpin),
    buffer: Vec<u8>,
    /// How much of the buffer is taken already.
    taken: usize,
    sum: Sha256,
}

impl<'a> Input<'a> {
    pub(super) fn new(input: &'a mut (dyn AsyncRead + Send + Unpin)) -> Self {
        Self {
            input,
            buffer: Vec::with_capacity(2 * CHUNK),
            taken: 0,
            sum: Sha256::new(),
        }
    }

    /// The next `length` bytes. Memory grows with what has come, not with what was promised.
    pub(super) async fn take(&mut self, length: usize) -> Result<&[u8], Malformed> {
        while self.buffer.len() - self.taken < length {
            if self.fill().await? == 0 {
                return Err(Malformed::Truncated);
            }
        }
        let start = self.taken;
        self.taken += length;
        Ok(&self.buffer[start..self.taken])
    }

    /// The next byte.
    pub(super) async fn kind(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1).await?[0])
    }

    /// The next bytes as an array.
    pub(super) async fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N).await?;
        bytes.try_into().map_err(|_| Malformed::Truncated)
    }

    /// Takes the sum, after which nothing may come.
    pub(super) async fn finish(mut self) -> Result<(), Malformed> {
        self.forget();
        let sum: [u8; 32] = self.sum.clone().finalize().into();
        if self.array().await? != sum {
            return Err(Malformed::Damaged);
        }
        if self.taken < self.buffer.len() || self.fill().await? > 0 {
            return Err(Malformed::TooLong);
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<usize, Malformed> {
        self.forget();
        let mut next = (&mut *self.input).take(CHUNK as u64);
        Ok(next.read_to_end(&mut self.buffer).await?)
    }

    fn forget(&mut self) {
        self.sum.update(&self.buffer[..self.taken]);
        self.buffer.drain(..self.taken);
        self.taken = 0;
    }
}
