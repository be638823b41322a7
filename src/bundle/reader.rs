//! Reading a bundle: everything is verified while it is unpacked.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::backups::Backups;
use super::contents::Contents;
use super::error::BundleError;
use super::fault::BundleFault;
use super::frames::Frames;
use super::hashing::{self, Hashing};
use super::head::{BLOCK, Head, Kind, ReadError};
use super::layout::{MANIFEST, SUMS};
use super::manifest::{LONGEST, Manifest};
use super::name::BundleName;
use super::sums;
use super::target::Target;
use super::unpacked::Unpacked;
use super::writer::CHUNK;
use crate::data_directory::{CheckedDirectory, PathError};

/// What the bundle says about itself, and how many bytes that has. Nothing after that is read.
pub(super) fn manifest(
    backups: &Backups,
    name: &BundleName,
) -> Result<(Manifest, u64), BundleError> {
    let (manifest, text) = Archive::open(backups, name)?.manifest()?;
    Ok((manifest, text.len() as u64))
}

/// Unpacks a bundle into the empty directory `into`. Returns it only when
/// the whole bundle is as it was written, and all of it is durable; otherwise what has been
/// unpacked so far is left to the caller to remove. Of the file system's free space at least
/// `keep_free` bytes are left. Blocks.
pub(crate) fn unpack(
    backups: &Backups,
    name: &BundleName,
    into: CheckedDirectory,
    keep_free: u64,
) -> Result<Unpacked, BundleError> {
    let mut archive = Archive::open(backups, name)?;
    let (manifest, text) = archive.manifest()?;
    let mut contents = Contents::new(&manifest).map_err(|fault| fault.of(name))?;
    let list = archive.expect(SUMS)?;
    let mut target = Target::new(name, into.as_fd(), into.path().to_owned());
    let needed = manifest.bytes.saturating_add(list.size);
    let needed = needed.saturating_add(text.len() as u64);
    target.check_room(needed, manifest.entries.saturating_add(2), keep_free)?;

    let head = Head::plain(MANIFEST, text.len() as u64, manifest.created_at.as_second());
    target.save(&head, &text)?;
    let mut sums = Sums::unpack(&mut archive, &mut target, &list)?;
    sums.take(&hashing::sum(&text), MANIFEST.as_bytes(), name)?;
    while let Some(head) = archive.next()? {
        let above = contents.admit(&head).map_err(|fault| fault.of(name))?;
        if let Some((_, sum)) = archive.unpack(&mut target, &head, above)? {
            sums.take(&sum, &head.path, name)?;
        }
    }
    sums.finish(name)?;
    contents.finish().map_err(|fault| fault.of(name))?;
    archive.finish()?;
    target.finish()?;
    Ok(Unpacked::new(into, manifest))
}

/// A bundle that is being read.
struct Archive<'a> {
    backups: &'a Backups,
    name: &'a BundleName,
    source: Frames<Hashing<File>>,
    chunk: Box<[u8]>,
}

impl<'a> Archive<'a> {
    fn open(backups: &'a Backups, name: &'a BundleName) -> Result<Self, BundleError> {
        let file = backups.open(name)?;
        let path = backups.path_of(&name.file());
        let source = Frames::new(Hashing::new(file)).map_err(PathError::io("read", path))?;
        Ok(Self {
            backups,
            name,
            source,
            chunk: vec![0; CHUNK].into_boxed_slice(),
        })
    }

    /// What the disk says is no fault of the bundle.
    fn refuse(&self, error: io::Error) -> BundleError {
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                BundleFault::Compressed(error).of(self.name)
            }
            _ => PathError::io("read", self.backups.path_of(&self.name.file()))(error).into(),
        }
    }

    fn next(&mut self) -> Result<Option<Head>, BundleError> {
        Head::read(&mut self.source).map_err(|error| match error {
            ReadError::Io(error) => self.refuse(error),
            ReadError::Fault(fault) => fault.of(self.name),
        })
    }

    /// The next entry, which has to be the file `path` as this program writes it.
    fn expect(&mut self, path: &str) -> Result<Head, BundleError> {
        let head = self.next()?;
        let is_it = |head: &Head| head.path == path.as_bytes() && head.kind == Kind::File;
        match head {
            Some(head) if is_it(&head) => Ok(head),
            head => {
                let found = head.map_or_else(|| "the end".to_owned(), |head| head.shown());
                let expected = path.to_owned();
                Err(BundleFault::Order { expected, found }.of(self.name))
            }
        }
    }

    /// The manifest, and its text.
    fn manifest(&mut self) -> Result<(Manifest, Vec<u8>), BundleError> {
        let head = self.expect(MANIFEST)?;
        if head.size > LONGEST {
            return Err(BundleFault::LongManifest(head.size).of(self.name));
        }
        let mut text = Vec::new();
        let read = (&mut self.source).take(head.size).read_to_end(&mut text);
        match read {
            Ok(read) if read as u64 == head.size => {}
            Ok(_) => return Err(self.refuse(ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(self.refuse(error)),
        }
        self.skip_padding(&head)?;
        let manifest = Manifest::parse(&text).map_err(|fault| fault.of(self.name))?;
        if manifest.name != *self.name {
            let name = manifest.name.to_string();
            return Err(BundleFault::Name(name).of(self.name));
        }
        Ok((manifest, text))
    }

    /// Unpacks one entry. Returns a file and its sum.
    fn unpack(
        &mut self,
        target: &mut Target<'_>,
        head: &Head,
        above: usize,
    ) -> Result<Option<(File, String)>, BundleError> {
        let Some(file) = target.make(head, above)? else {
            return Ok(None);
        };
        let mut hashing = Hashing::new(&file);
        let mut left = head.size;
        while left > 0 {
            let most = self
                .chunk
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = match self.source.read(&mut self.chunk[..most]) {
                Ok(0) => return Err(self.refuse(ErrorKind::UnexpectedEof.into())),
                Ok(read) => read,
                Err(error) => return Err(self.refuse(error)),
            };
            let written = hashing.write_all(&self.chunk[..read]);
            written.map_err(PathError::io("write", target.path_of(head)))?;
            left -= read as u64;
        }
        let (_, sum, _) = hashing.finish();
        target.complete(&file, head)?;
        self.skip_padding(head)?;
        Ok(Some((file, sum)))
    }

    fn skip_padding(&mut self, head: &Head) -> Result<(), BundleError> {
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..head.padding()];
        let read = self.source.read_exact(padding);
        read.map_err(|error| self.refuse(error))?;
        if padding.iter().any(|&byte| byte != 0) {
            let reason = "has something after its content";
            return Err(BundleFault::entry(&head.path, reason).of(self.name));
        }
        Ok(())
    }

    /// Nothing may follow the first of the two empty blocks but the other one; and the sum
    /// beside the bundle has to be that of all that was read.
    fn finish(mut self) -> Result<(), BundleError> {
        let mut block = [0; BLOCK];
        let read = self.source.read_exact(&mut block);
        read.map_err(|error| self.refuse(error))?;
        let more = self.source.read(&mut [0]);
        if block != [0; BLOCK] || more.map_err(|error| self.refuse(error))? > 0 {
            return Err(BundleFault::Trailing.of(self.name));
        }
        let (_, found, _) = self.source.into_inner().finish();
        match self.backups.sum_beside(self.name)? {
            Some(expected) if expected != found => {
                let file = self.name.sum_file();
                let fault = BundleFault::Sum {
                    file,
                    expected,
                    found,
                };
                Err(fault.of(self.name))
            }
            _ => Ok(()),
        }
    }
}

/// The list of sums, which is read line by line beside the entries.
struct Sums {
    lines: BufReader<File>,
    path: PathBuf,
}

impl Sums {
    fn unpack(
        archive: &mut Archive<'_>,
        target: &mut Target<'_>,
        head: &Head,
    ) -> Result<Self, BundleError> {
        let path = target.path_of(head);
        let Some((mut file, _)) = archive.unpack(target, head, 0)? else {
            let reason = "is a directory";
            return Err(BundleFault::entry(&head.path, reason).of(archive.name));
        };
        file.rewind().map_err(PathError::io("read", &path))?;
        let lines = BufReader::new(file);
        Ok(Self { lines, path })
    }

    /// The next line has to say this.
    fn take(&mut self, sum: &str, entry: &[u8], name: &BundleName) -> Result<(), BundleError> {
        let expected = sums::line(sum, entry);
        let mut line = vec![0; expected.len()];
        match self.lines.read_exact(&mut line) {
            Ok(()) if line == expected => Ok(()),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                Err(PathError::io("read", &self.path)(error).into())
            }
            _ => Err(BundleFault::Content(super::fault::shown(entry)).of(name)),
        }
    }

    /// No line may be left.
    fn finish(mut self, name: &BundleName) -> Result<(), BundleError> {
        let mut left = Vec::new();
        let read = (&mut self.lines).take(1024).read_to_end(&mut left);
        let read = read.map_err(PathError::io("read", &self.path))?;
        if read == 0 {
            return Ok(());
        }
        let left = String::from_utf8_lossy(&left);
        let line = left.lines().next().unwrap_or_default();
        let entry = line.split_once("  ").map_or(line, |(_, entry)| entry);
        Err(BundleFault::Missing(entry.to_owned()).of(name))
    }
}
