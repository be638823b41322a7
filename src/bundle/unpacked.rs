//! A bundle that has been unpacked and found to be whole.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};

use rustix::io::Errno;

use super::layout;
use super::manifest::Manifest;
use crate::data_directory::{CheckedDirectory, PathError};
use crate::relative_path::RelativePath;

/// What a bundle held. All methods block.
#[derive(Debug)]
pub(crate) struct Unpacked {
    directory: CheckedDirectory,
    manifest: Manifest,
}

/// Where an unpacked path lies, to be moved from there.
#[derive(Debug)]
pub(crate) struct UnpackedPath {
    pub(crate) parent: CheckedDirectory,
    pub(crate) name: OsString,
}

impl Unpacked {
    pub(super) fn new(directory: CheckedDirectory, manifest: Manifest) -> Self {
        Self {
            directory,
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

    fn open(&self, path: &str) -> Result<CheckedDirectory, PathError> {
        let refuse = || PathError::io("open", self.directory.path_of(path))(Errno::NOENT);
        let mut names = path.split('/');
        let first = self.directory.directory(names.next().unwrap_or_default())?;
        names.try_fold(first.ok_or_else(refuse)?, |directory, name| {
            directory.directory(name)?.ok_or_else(refuse)
        })
    }
}

/// A content, read from its parts.
#[derive(Debug)]
pub(crate) struct Parts {
    directory: CheckedDirectory,
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
            let part = self.directory.open_file(&layout::part(self.next));
            match part.map_err(io::Error::other)? {
                Some(part) => self.part = Some(part),
                // There is at least one.
                None if self.next > 0 => return Ok(0),
                None => return Err(Errno::NOENT.into()),
            }
            self.next += 1;
        }
    }
}
