//! Which run has stopped the service, written down until it is started again.
//!
//! The engine's journal begins after the Stop phase, so it cannot tell of a service that a run
//! has stopped when it was killed. Root keeps this record where no other user can write, so that
//! only a service that root has stopped is started as root; a restart of the machine removes it,
//! and starts services itself. Any other user keeps it beside the journal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, fsync, mkdirat, open, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How directories are opened: never through a link.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A run's id, and the end of the line.
const LENGTH: u64 = 37;

/// The record of one data directory.
#[derive(Debug)]
pub(super) struct Record {
    /// Where `directory` is made.
    base: PathBuf,
    directory: &'static str,
    name: String,
}

impl Record {
    /// The one of the service that keeps its files in `data_dir`.
    pub(super) fn new(data_dir: &Path) -> Self {
        let data_dir = data_dir
            .canonicalize()
            .unwrap_or_else(|_| data_dir.to_owned());
        match geteuid().is_root() {
            true => Self {
                base: PathBuf::from("/run"),
                directory: "factory-reset",
                name: hex::encode(Sha256::digest(data_dir.as_os_str().as_bytes())),
            },
            false => Self {
                base: data_dir,
                directory: ".factory-reset",
                name: "service-stopped".to_owned(),
            },
        }
    }

    /// The run that has stopped the service, if that has still to be started.
    pub(super) fn run(&self) -> io::Result<Option<Uuid>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Some(directory) = self.open()? else {
            return Ok(None);
        };
        let file = match openat(directory, &self.name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.named(&error.into())),
        };
        let metadata = file.metadata()?;
        let is_ours = metadata.is_file() && metadata.nlink() == 1 && is_own(&metadata);
        let mut text = String::new();
        if is_ours && metadata.len() == LENGTH {
            file.take(LENGTH).read_to_string(&mut text)?;
        }
        let run = text.trim_end().parse();
        run.map(Some).map_err(|_| {
            let error = "it is no record of this program: remove it";
            self.named(&io::Error::other(error))
        })
    }

    /// Writes down that `run` stops the service; on the disk when it returns.
    pub(super) fn set(&self, run: Uuid) -> io::Result<()> {
        let directory = match self.make() {
            Ok(directory) => directory,
            Err(error) => return Err(self.named(&error)),
        };
        let new = format!("{}.new", self.name);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        remove(&directory, &new)?;
        let file = openat(&directory, &new, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        file.write_all(format!("{run}\n").as_bytes())?;
        file.sync_all()?;
        renameat(&directory, &new, &directory, &self.name)?;
        Ok(fsync(directory)?)
    }

    /// Removes the record.
    pub(super) fn clear(&self) -> io::Result<()> {
        let Some(directory) = self.open()? else {
            return Ok(());
        };
        remove(&directory, &self.name)?;
        Ok(fsync(directory)?)
    }

    /// The directory, which has to be the caller's alone.
    fn open(&self) -> io::Result<Option<OwnedFd>> {
        let base = open(&self.base, DIRECTORY, Mode::empty())?;
        match openat(base, self.directory, DIRECTORY, Mode::empty()) {
            Ok(directory) => self.checked(directory).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.named(&error.into())),
        }
    }

    fn make(&self) -> io::Result<OwnedFd> {
        let base = open(&self.base, DIRECTORY, Mode::empty())?;
        match mkdirat(&base, self.directory, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.checked(openat(base, self.directory, DIRECTORY, Mode::empty())?)
    }

    fn checked(&self, directory: OwnedFd) -> io::Result<OwnedFd> {
        let directory = File::from(directory);
        match is_own(&directory.metadata()?) {
            true => Ok(directory.into()),
            false => {
                let error = "its directory can be written to by other users";
                Err(self.named(&io::Error::other(error)))
            }
        }
    }

    fn named(&self, error: &io::Error) -> io::Error {
        let path = self.base.join(self.directory).join(&self.name);
        io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
    }
}

/// Whether nobody but the caller can change it.
fn is_own(metadata: &std::fs::Metadata) -> bool {
    metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

fn remove(directory: &OwnedFd, name: &str) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
