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
use super::obstacle;
use crate::blocker::Blocker;
use crate::item::ItemKind;
use crate::relative_path::RelativePath;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// What cannot be removed.
    pub(crate) blockers: Vec<Blocker>,
}

/// How deep a tree may be: each level costs an open file while it is counted, and a preview
/// must not starve the service of them.
const MOST_LEVELS: usize = 512;

/// How many blockers are named; more would not help anybody.
const MOST_BLOCKERS: usize = 100;

/// A directory on the way down.
struct Level {
    entries: Dir,
    inode: u64,
    /// Whether it lets nobody remove what is not his.
    keeps_what_others_own: bool,
}

impl DataDirectory {
    /// Counts what is at `path`, and finds what of it could not be removed. Blocks; follows
    /// no link.
    pub(crate) fn survey(&self, path: &RelativePath) -> Result<Survey, PathError> {
        let mut survey = Survey::default();
        let Some(place) = self.place(path)? else {
            return Ok(survey);
        };
        let mut here = self.absolute(path);
        let name = OsStr::new(&place.name);
        let above = Entry::look(&place.parent, OsStr::new(""))
            .map_err(PathError::io("look at the directory of", &here))?;
        let keeps = obstacle::keeps_what_others_own(&above);
        let mut levels =
            Vec::from_iter(survey.add(self, place.parent.as_fd(), name, 0, keeps, &here)?);
        if survey.there {
            let locked = above.locked.map(|attribute| attribute.reason().to_owned());
            if let Some(reason) = locked.or_else(|| obstacle::of_directory(&place.parent)) {
                let above = here.parent().unwrap_or(&here).to_owned();
                survey.block(self, &above, reason);
            }
        }
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
            let (inode, keeps) = (level.inode, level.keeps_what_others_own);
            match survey.add(self, parent, name, inode, keeps, &here)? {
                Some(below) if levels.len() < MOST_LEVELS => {
                    levels.push(below);
                    continue;
                }
                Some(_) => {
                    let reason = format!(
                        "is more than {MOST_LEVELS} directories deep: move it up, or remove it"
                    );
                    survey.block(self, &here, reason);
                }
                None => {}
            }
            here.pop();
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
        parent_keeps: bool,
        path: &Path,
    ) -> Result<Option<Level>, PathError> {
        let entry = match Entry::look(&parent, name) {
            Ok(entry) => entry,
            // Gone since its directory was listed.
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(PathError::io("look at", path)(error)),
        };
        self.there = true;
        if entry.is_beyond(data_directory.mount()) {
            let reason = "is a mount point or lies on another file system than the data \
                          directory: unmount it, or preserve it";
            self.block(data_directory, path, reason);
            return Ok(None);
        }
        if let Some(attribute) = entry.locked {
            self.block(data_directory, path, attribute.reason());
        }
        if parent_keeps && !obstacle::is_ours(&entry) {
            let reason = "belongs to another user, and its directory is sticky: change its \
                          owner, or take the sticky bit from the directory";
            self.block(data_directory, path, reason);
        }
        let fingerprint = fingerprint(&entry, name, parent_inode);
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint);
        if entry.kind == EntryKind::File {
            self.files += 1;
            self.bytes += entry.bytes;
            return Ok(None);
        }
        let opened = openat(&parent, name, directory_flags(), Mode::empty()).and_then(Dir::new);
        match opened {
            Ok(entries) => {
                let level = Level {
                    entries,
                    inode: entry.inode,
                    keeps_what_others_own: obstacle::keeps_what_others_own(&entry),
                };
                let handle = level.entries.fd().map_err(PathError::io("list", path))?;
                // One that is locked has been named already.
                if entry.locked.is_none()
                    && let Some(reason) = obstacle::of_directory(handle)
                {
                    self.block(data_directory, path, reason);
                }
                Ok(Some(level))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error @ (Errno::ACCESS | Errno::PERM)) => {
                let error = std::io::Error::from(error);
                let reason = format!("cannot be listed by the service: {error}");
                self.block(data_directory, path, reason);
                Ok(None)
            }
            Err(error) => Err(PathError::io("open", path)(error)),
        }
    }

    fn block(&mut self, data_directory: &DataDirectory, path: &Path, reason: impl Into<String>) {
        if self.blockers.len() < MOST_BLOCKERS {
            let name = data_directory.name_of(path);
            self.blockers
                .push(Blocker::new(ItemKind::Path, name, reason));
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
