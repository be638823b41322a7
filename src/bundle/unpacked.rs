//! A bundle that has been unpacked and found to be whole.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::layout;
use super::manifest::Manifest;
use crate::data_directory::{PathError, directory_flags};
use crate::relative_path::RelativePath;

/// What a bundle held. All methods block.
#[derive(Debug)]
pub(crate) struct Unpacked {
    directory: OwnedFd,
    path: PathBuf,
    manifest: Manifest,
}

/// Where an unpacked path lies, to be moved from there.
#[derive(Debug)]
pub(crate) struct UnpackedPath {
    pub(crate) parent: OwnedFd,
    pub(crate) name: OsString,
}

impl Unpacked {
    pub(super) fn new(directory: OwnedFd, path: PathBuf, manifest: Manifest) -> Self {
        Self {
            directory,
            path,
            manifest,
        }
    }

    /// What there is.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The rows of a table, as they were saved.
    pub(crate) fn table(&self, step: &str, table: &str) -> Result<Parts, PathError> {
        self.parts(&layout::table_path(step, table))
    }

    /// What a step saved under a name of its own.
    pub(crate) fn entry(&self, step: &str, name: &str) -> Result<Parts, PathError> {
        self.parts(&layout::entry_path(step, name))
    }

    /// Where a claimed path lies.
    pub(crate) fn path(&self, step: &str, path: &RelativePath) -> Result<UnpackedPath, PathError> {
        let place = layout::claimed_path(step, path.as_str());
        let (parent, name) = place.rsplit_once('/').unwrap_or_default();
        Ok(UnpackedPath {
            parent: self.open(parent)?,
            name: name.into(),
        })
    }

    fn parts(&self, path: &str) -> Result<Parts, PathError> {
        Ok(Parts {
            directory: self.open(path)?,
            next: 0,
            part: None,
        })
    }

    fn open(&self, path: &str) -> Result<OwnedFd, PathError> {
        let refuse = || PathError::io("open", self.path.join(path));
        let top = fcntl_dupfd_cloexec(&self.directory, 0).map_err(refuse())?;
        path.split('/').try_fold(top, |directory, name| {
            openat(directory, name, directory_flags(), Mode::empty()).map_err(refuse())
        })
    }
}

/// A content, read from its parts.
#[derive(Debug)]
pub(crate) struct Parts {
    directory: OwnedFd,
    next: u64,
    part: Option<File>,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(part) = &mut self.part {
                let read = part.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
            }
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let name = layout::part(self.next);
            match openat(&self.directory, name, flags, Mode::empty()) {
                Ok(part) => self.part = Some(File::from(part)),
                // There is at least one.
                Err(Errno::NOENT) if self.next > 0 => return Ok(0),
                Err(error) => return Err(error.into()),
            }
            self.next += 1;
        }
    }
}
