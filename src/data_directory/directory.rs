//! The data directory itself, and the directory in it that is the framework's own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, fsync, mkdirat, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::entry::{Entry, Mount, file_name};
use super::error::PathError;
use super::obstacle;
use crate::relative_path::{OWN_DIRECTORY, RelativePath};

/// How every directory is opened: never through a link.
pub(crate) const fn directory_flags() -> OFlags {
    OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC)
}

/// A data directory, held by this process alone for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    root: OwnedFd,
    own: OwnedFd,
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
    pub(crate) fn open(path: &Path) -> Result<Self, PathError> {
        let path = path
            .canonicalize()
            .map_err(PathError::io("find the data directory", path))?;
        let root = rustix::fs::open(&path, directory_flags(), Mode::empty())
            .map_err(PathError::io("open the data directory", &path))?;
        let mount = Entry::look(&root, OsStr::new(""))
            .map_err(PathError::io("look at", &path))?
            .mount;
        let own_path = path.join(OWN_DIRECTORY);
        match mkdirat(&root, OWN_DIRECTORY, Mode::RWXU) {
            // A crash may have come between its making and its syncing.
            Ok(()) | Err(Errno::EXIST) => fsync(&root).map_err(PathError::io("sync", &path))?,
            Err(error) => return Err(PathError::io("create", own_path)(error)),
        }
        let own = openat(&root, OWN_DIRECTORY, directory_flags(), Mode::empty())
            .map_err(PathError::io("open", &own_path))?;
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
    pub(crate) fn own(&self) -> BorrowedFd<'_> {
        self.own.as_fd()
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

    /// The path of something in the framework's own directory, for messages.
    pub(crate) fn own_path(&self, name: &str) -> PathBuf {
        self.path.join(OWN_DIRECTORY).join(name)
    }

    /// Opens a directory in the framework's own, and makes it when there is none yet.
    pub(crate) fn make_own_directory(&self, name: &str) -> Result<OwnedFd, PathError> {
        let path = self.own_path(name);
        match mkdirat(&self.own, name, Mode::RWXU) {
            // A crash may have come between its making and its syncing.
            Ok(()) | Err(Errno::EXIST) => {
                fsync(&self.own).map_err(PathError::io("sync the directory of", &path))?;
            }
            Err(error) => return Err(PathError::io("create", path)(error)),
        }
        openat(&self.own, name, directory_flags(), Mode::empty())
            .map_err(PathError::io("open", path))
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

/// Locks the data directory for this process, and writes down which process that is.
fn lock(own: &OwnedFd, path: &Path) -> Result<File, PathError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(own, "lock", flags, Mode::RUSR | Mode::WUSR)
        .map_err(PathError::io("open the lock of", path))?;
    let mut file = File::from(file);
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            return Err(PathError::InUse {
                path: path.to_owned(),
                holder: if known {
                    holder.trim().to_owned()
                } else {
                    "unknown".to_owned()
                },
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
