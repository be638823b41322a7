//! Sums of what passes through.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Hashes and counts what is read from, or written to, what it wraps.
pub(super) struct Hashing<Inner> {
    inner: Inner,
    hash: Sha256,
    bytes: u64,
}

impl<Inner> Hashing<Inner> {
    pub(super) fn new(inner: Inner) -> Self {
        let hash = Sha256::new();
        Self {
            inner,
            hash,
            bytes: 0,
        }
    }

    /// What it wraps, the sum, and how many bytes that were.
    pub(super) fn finish(self) -> (Inner, String, u64) {
        (self.inner, hexadecimal(&self.hash.finalize()), self.bytes)
    }

    fn note(&mut self, passed: &[u8]) {
        self.hash.update(passed);
        self.bytes += passed.len() as u64;
    }
}

impl<Inner: Read> Read for Hashing<Inner> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.note(&buffer[..read]);
        Ok(read)
    }
}

impl<Inner: Write> Write for Hashing<Inner> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.note(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The SHA-256 of `bytes`.
pub(super) fn sum(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
