//! Counting what a path holds.

use std::ffi::OsStr;
use std::os::fd::AsFd;
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

/// How deep a tree may be: each level costs an open file while it is counted, and a preview
/// must not starve the service of them.
const MOST_LEVELS: usize = 512;

/// A directory on the way down.
struct Level {
    entries: Dir,
    inode: u64,
}

impl DataDirectory {
    /// Counts what is at `path`. Blocks; follows no link.
    pub(crate) fn survey(&self, path: &RelativePath) -> Result<Survey, PathError> {
        let mut survey = Survey::default();
        let Some(place) = self.place(path)? else {
            return Ok(survey);
        };
        let mut here = self.absolute(path);
        let name = OsStr::new(&place.name);
        let mut levels = Vec::from_iter(survey.add(self, place.parent.as_fd(), name, 0, &here)?);
        while let Some(level) = levels.last_mut() {
            let Some(child) = level.entries.read() else {
                levels.pop();
                here.pop();
                continue;
            };
            let child = child.map_err(PathError::io("list", &here))?;
            let name = file_name(child.file_name());
            if name == "." || name == ".." {
                continue;
            }
            here.push(name);
            let parent = level.entries.fd().map_err(PathError::io("list", &here))?;
            match survey.add(self, parent, name, level.inode, &here)? {
                Some(_) if levels.len() == MOST_LEVELS => return Err(PathError::TooDeep(here)),
                Some(below) => levels.push(below),
                None => {
                    here.pop();
                }
            }
        }
        Ok(survey)
    }
}

impl Survey {
    /// Counts one entry, and opens it when it is a directory.
    fn add(
        &mut self,
        data_directory: &DataDirectory,
        parent: impl AsFd,
        name: &OsStr,
        parent_inode: u64,
        path: &Path,
    ) -> Result<Option<Level>, PathError> {
        let entry = match Entry::look(&parent, name) {
            Ok(entry) => entry,
            // Gone since its directory was listed.
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(PathError::io("look at", path)(error)),
        };
        if entry.mount != data_directory.mount() {
            return Err(PathError::OtherFileSystem(path.to_owned()));
        }
        self.there = true;
        let fingerprint = fingerprint(&entry, name, parent_inode);
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint);
        if entry.kind == EntryKind::File {
            self.files += 1;
            self.bytes += entry.bytes;
            return Ok(None);
        }
        let opened = openat(&parent, name, directory_flags(), Mode::empty()).and_then(Dir::new);
        match opened {
            Ok(entries) => Ok(Some(Level {
                entries,
                inode: entry.inode,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(PathError::io("open", path)(error)),
        }
    }
}

fn fingerprint(entry: &Entry, name: &OsStr, directory: u64) -> u128 {
    // A directory's own size and time change with its entries, which count themselves.
    let (bytes, changed) = match entry.kind {
        EntryKind::File => (entry.bytes, entry.changed),
        EntryKind::Directory => (0, (0, 0)),
    };
    let hash = Sha256::new()
        .chain_update(directory.to_le_bytes())
        .chain_update(entry.inode.to_le_bytes())
        .chain_update(bytes.to_le_bytes())
        .chain_update(changed.0.to_le_bytes())
        .chain_update(changed.1.to_le_bytes())
        .chain_update(name.as_bytes())
        .finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(half)
}
