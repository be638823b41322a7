//! Counting what a path holds.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Dir, Mode, openat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::directory::{DataDirectory, directory_flags};
use super::entry::{Entry, EntryKind, file_name};
use super::error::PathError;
use crate::relative_path::RelativePath;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Survey {
    /// Whether there is anything.
    pub(crate) there: bool,
    /// Files, symbolic links and the like; directories are not counted.
    pub(crate) files: u64,
    /// Their sizes.
    pub(crate) bytes: u64,
    /// Changes when anything below the path is added, removed or written. The sum of a hash
    /// per entry, so that it does not depend on the order of the walk.
    pub(crate) fingerprint: u128,
}

impl DataDirectory {
    /// Counts what is at `path`. Blocks; follows no link.
    pub(crate) fn survey(&self, path: &RelativePath) -> Result<Survey, PathError> {
        let mut survey = Survey::default();
        let Some(place) = self.place(path)? else {
            return Ok(survey);
        };
        let name = OsStr::new(&place.name);
        survey.add(self, place.parent.as_fd(), name, &self.absolute(path), 0)?;
        Ok(survey)
    }
}

impl Survey {
    fn add(
        &mut self,
        data_directory: &DataDirectory,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        seed: u64,
    ) -> Result<(), PathError> {
        let entry = match Entry::look(parent, name) {
            Ok(entry) => entry,
            // Gone since its directory was listed.
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(PathError::io("look at", path)(error)),
        };
        if entry.mount != data_directory.mount() {
            return Err(PathError::OtherFileSystem(path.to_owned()));
        }
        self.there = true;
        self.fingerprint = self
            .fingerprint
            .wrapping_add(fingerprint(&entry, name, seed));
        if entry.kind == EntryKind::File {
            self.files += 1;
            self.bytes += entry.bytes;
            return Ok(());
        }
        let directory = match openat(parent, name, directory_flags(), Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(PathError::io("open", path)(error)),
        };
        let entries = Dir::read_from(&directory).map_err(PathError::io("list", path))?;
        for child in entries {
            let child = child.map_err(PathError::io("list", path))?;
            let child = file_name(child.file_name());
            if child != "." && child != ".." {
                let below = path.join(child);
                self.add(
                    data_directory,
                    directory.as_fd(),
                    child,
                    &below,
                    entry.inode,
                )?;
            }
        }
        Ok(())
    }
}

fn fingerprint(entry: &Entry, name: &OsStr, directory: u64) -> u128 {
    // A directory's own size and time change with its entries, which count themselves.
    let (bytes, modified) = match entry.kind {
        EntryKind::File => (entry.bytes, entry.modified),
        EntryKind::Directory => (0, (0, 0)),
    };
    let hash = Sha256::new()
        .chain_update(directory.to_le_bytes())
        .chain_update(entry.inode.to_le_bytes())
        .chain_update(bytes.to_le_bytes())
        .chain_update(modified.0.to_le_bytes())
        .chain_update(modified.1.to_le_bytes())
        .chain_update(name.as_bytes())
        .finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(half)
}
