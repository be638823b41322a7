//! The data directory itself, and the directory in it that is the framework's own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, fsync, mkdirat, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::checked_directory::CheckedDirectory;
use super::entry::{Entry, Mount, file_name};
use super::error::PathError;
#[cfg(feature = "cli")]
use super::owners::Owners;
use super::{obstacle, root};
use crate::relative_path::{OWN_DIRECTORY, RelativePath};

/// How every directory is opened: never through a link.
pub(crate) const fn directory_flags() -> OFlags {
    OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC)
}

/// The file whose lock says that a process has the data directory, and whose text is its number.
const LOCK: &str = "lock";

/// How many bytes of the lock file are read: the longest number of a process, and a line feed.
const LONGEST_HOLDER: usize = 11;

/// A data directory, held by this process alone for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    root: OwnedFd,
    own: CheckedDirectory,
    mount: Mount,
    /// Locked; the lock goes with the file, also when the process is killed.
    _lock: File,
}

/// Where a path's last component lives.
pub(crate) struct Place {
    pub(crate) parent: OwnedFd,
    pub(crate) name: String,
}

impl DataDirectory {
    /// Opens `path` and takes its lock.
    #[cfg(test)]
    pub(crate) fn open(path: &Path) -> Result<Self, PathError> {
        Self::open_with(path, false)
    }

    /// Opens `path` and takes its lock. `is_trusted` says that root may open it although another
    /// user owns it.
    pub(crate) fn open_with(path: &Path, is_trusted: bool) -> Result<Self, PathError> {
        let (path, root, owners) = root::open(path, is_trusted)?;
        let mount = Entry::look(&root, OsStr::new(""))
            .map_err(PathError::io("look at", &path))?
            .mount;
        let own_path = path.join(OWN_DIRECTORY);
        match mkdirat(&root, OWN_DIRECTORY, Mode::RWXU) {
            // A crash may have come between its making and its syncing.
            Ok(()) | Err(Errno::EXIST) => fsync(&root).map_err(PathError::io("sync", &path))?,
            Err(error) => return Err(PathError::io("create", own_path)(error)),
        }
        let own = CheckedDirectory::open(&root, OWN_DIRECTORY, own_path.clone(), owners)?;
        let own = own.ok_or_else(|| PathError::io("open", own_path)(Errno::NOENT))?;
        own.close_to_others()?;
        let lock = lock(&own, &path)?;
        Ok(Self {
            path,
            root,
            own,
            mount,
            _lock: lock,
        })
    }

    /// Its path, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The framework's own directory in it.
    pub(crate) fn own(&self) -> &CheckedDirectory {
        &self.own
    }

    /// Why the framework's own directory cannot be used, as far as that can be told.
    pub(crate) fn own_obstacle(&self) -> Option<String> {
        let entry = Entry::look(&self.own, OsStr::new("")).ok()?;
        if entry.is_beyond(self.mount) {
            return Some("lies on another file system than the data directory: unmount it".into());
        }
        let locked = entry.locked.map(|attribute| attribute.reason().to_owned());
        locked.or_else(|| obstacle::of_directory(&self.own))
    }

    /// The path of something in the data directory, for messages.
    pub(crate) fn absolute(&self, path: &RelativePath) -> PathBuf {
        self.path.join(path.as_str())
    }

    /// What an absolute path is called in plans and reports: by its place in the data
    /// directory, where it lies there.
    pub(crate) fn name_of(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let name = if below.as_os_str().is_empty() {
            path
        } else {
            below
        };
        name.display().to_string()
    }

    /// The file system that all claimed paths must lie on.
    pub(crate) fn mount(&self) -> Mount {
        self.mount
    }

    /// Opens the directory that holds `path`, or tells that there is none.
    pub(crate) fn place(&self, path: &RelativePath) -> Result<Option<Place>, PathError> {
        let refuse = |action| PathError::io(action, self.absolute(path));
        let mut parent = fcntl_dupfd_cloexec(&self.root, 0).map_err(refuse("open"))?;
        let mut components = path.components();
        let name = components.next_back().unwrap_or_default().to_owned();
        for component in components {
            parent = match openat(&parent, component, directory_flags(), Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(refuse("open the directory of")(error)),
            };
        }
        Ok(Some(Place { parent, name }))
    }

    /// Opens the directory that is to hold `path`, and makes it where there is none.
    #[cfg(feature = "backup")]
    pub(crate) fn make_place(&self, path: &RelativePath) -> Result<Place, PathError> {
        let refuse = |action| PathError::io(action, self.absolute(path));
        let mut parent = fcntl_dupfd_cloexec(&self.root, 0).map_err(refuse("open"))?;
        let mut components = path.components();
        let name = components.next_back().unwrap_or_default().to_owned();
        for component in components {
            match mkdirat(&parent, component, Mode::RWXU) {
                Ok(()) => fsync(&parent).map_err(refuse("sync the directory of"))?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(refuse("make the directory of")(error)),
            }
            parent = openat(&parent, component, directory_flags(), Mode::empty())
                .map_err(refuse("open the directory of"))?;
        }
        Ok(Place { parent, name })
    }

    /// The names in `directory`, or in the data directory itself, sorted. Names that are not
    /// Unicode are shown as well as they can be.
    pub(crate) fn names(&self, directory: Option<&RelativePath>) -> Result<Vec<String>, PathError> {
        let path = directory.map_or_else(|| self.path.clone(), |below| self.absolute(below));
        let read = |directory: BorrowedFd<'_>| -> Result<Vec<String>, Errno> {
            let mut names = Vec::new();
            for entry in Dir::read_from(directory)? {
                let name = file_name(entry?.file_name()).to_string_lossy().into_owned();
                if name != "." && name != ".." {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        let names = match directory {
            None => read(self.root.as_fd()),
            Some(below) => {
                let Some(place) = self.place(below)? else {
                    return Ok(Vec::new());
                };
                match openat(
                    &place.parent,
                    &*place.name,
                    directory_flags(),
                    Mode::empty(),
                ) {
                    Ok(directory) => read(directory.as_fd()),
                    // Not there, or a file or a link: nothing is in it.
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            }
        };
        names.map_err(PathError::io("list", path))
    }
}

/// Opens `.factory-reset/` in the data directory `path` to read in it, beside a process that may
/// have it; none when it does not exist. Changes nothing.
#[cfg(feature = "cli")]
pub(crate) fn look_at_own(path: &Path) -> Result<Option<CheckedDirectory>, PathError> {
    let path = path
        .canonicalize()
        .map_err(PathError::io("find the data directory", path))?;
    let root = rustix::fs::open(&path, directory_flags(), Mode::empty())
        .map_err(PathError::io("open the data directory", &path))?;
    // What is only shown may be the other user's.
    let owners = Owners::and(root::owner_of(&root, &path)?);
    CheckedDirectory::open(&root, OWN_DIRECTORY, path.join(OWN_DIRECTORY), owners)
}

/// Locks the data directory for this process, and writes down which process that is.
fn lock(own: &CheckedDirectory, path: &Path) -> Result<File, PathError> {
    let mut file = own.open_or_create(LOCK)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return Err(PathError::InUse {
                path: path.to_owned(),
                holder: holder(&file).unwrap_or_else(|| "unknown".to_owned()),
            });
        }
        Err(std::fs::TryLockError::Error(error)) => {
            return Err(PathError::io("lock", path)(error));
        }
    }
    // Best effort: the number is a service to whoever meets the lock, on a full disk too.
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = written {
        tracing::warn!(%error, "could not write the process id into the lock file");
    }
    Ok(file)
}

/// The process that holds the lock, as the file says: the number of a process and nothing else,
/// because the text is shown.
fn holder(mut lock: &File) -> Option<String> {
    let mut text = [0; LONGEST_HOLDER];
    let mut length = 0;
    while length < text.len() {
        match lock.read(&mut text[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(_) => return None,
        }
    }
    let process: u32 = std::str::from_utf8(&text[..length])
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(process.to_string())
}
