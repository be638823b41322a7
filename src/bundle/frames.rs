//! The compressed form: two zstd frames, and nothing after them.

use std::io::{self, ErrorKind, Read, Write};

use zstd::stream::raw::{DParameter, Decoder, Operation};
use zstd::stream::write::Encoder;

/// One for the manifest and the sums, one for the rest.
const FRAMES: u32 = 2;

/// How far back matches reach, as a power of two: what the level has by itself. It bounds the
/// memory of whoever unpacks.
const WINDOW: u32 = 21;

const LEVEL: i32 = 3;

const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// Begins a frame.
pub(super) fn encoder<Inner: Write>(inner: Inner) -> io::Result<Encoder<'static, Inner>> {
    let mut encoder = Encoder::new(inner, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.window_log(WINDOW)?;
    Ok(encoder)
}

/// Reads what the frames hold. Whatever is wrong with them is an error of the kind
/// [`ErrorKind::InvalidData`] or [`ErrorKind::UnexpectedEof`].
pub(super) struct Frames<Inner> {
    inner: Inner,
    decoder: Decoder<'static>,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    begun: u32,
    is_within: bool,
}

impl<Inner: Read> Frames<Inner> {
    pub(super) fn new(inner: Inner) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW))?;
        Ok(Self {
            inner,
            decoder,
            input: vec![0; 128 * 1024].into_boxed_slice(),
            start: 0,
            end: 0,
            begun: 0,
            is_within: false,
        })
    }

    pub(super) fn into_inner(self) -> Inner {
        self.inner
    }

    /// Reads more, behind what is left. Tells whether there was any.
    fn refill(&mut self) -> io::Result<bool> {
        self.input.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.inner.read(&mut self.input[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins the next frame. Tells whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        let mut is_there = self.start < self.end;
        while self.end - self.start <= MAGIC.len() && self.refill()? {
            is_there = true;
        }
        if self.begun == FRAMES {
            return if is_there {
                Err(wrong("something follows it"))
            } else {
                Ok(false)
            };
        }
        let [a, b, c, d, descriptor, ..] = self.input[self.start..self.end] else {
            return Err(cut_off());
        };
        // What zstd would skip, or take without a checksum, is nothing that was written.
        if [a, b, c, d] != MAGIC || descriptor & 0b0001_1111 != 0b0000_0100 {
            return Err(wrong("it is no frame of zstd with a checksum"));
        }
        self.begun += 1;
        self.is_within = true;
        Ok(true)
    }
}

impl<Inner: Read> Read for Frames<Inner> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_within && !self.begin()? {
                return Ok(0);
            }
            let input = &self.input[self.start..self.end];
            let status = self
                .decoder
                .run_on_buffers(input, buffer)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            self.start += status.bytes_read;
            self.is_within = status.remaining > 0;
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if self.is_within && self.start == self.end && !self.refill()? {
                return Err(cut_off());
            }
        }
    }
}

fn wrong(message: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}

fn cut_off() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "it is cut off")
}
