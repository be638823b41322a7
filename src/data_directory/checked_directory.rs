//! Directories whose entries another user may have put there: `.factory-reset/` and the backups.
//!
//! Every entry is opened by its name in an open directory, without following links and without
//! waiting for anything, and is checked once it is open: a file is regular, has one link, belongs
//! to a trusted user and is read up to a limit. A pipe, a device, a link or an endless file is an
//! error at once.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(feature = "backup")]
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, fchmod, fstat, fsync, mkdirat, openat, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::directory::directory_flags;
use super::entry::kind_name;
use super::error::{Flaw, PathError};
use super::owners::Owners;

/// How every file is opened. Without `NONBLOCK` the opening of a pipe waits for its other end.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The permissions of a file that this crate creates.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open directory. All methods block.
#[derive(Debug)]
pub(crate) struct CheckedDirectory {
    handle: OwnedFd,
    /// For messages.
    path: PathBuf,
    owners: Owners,
}

impl CheckedDirectory {
    /// Opens the directory `name` in `parent`, which is at `path`; none when it does not exist.
    pub(crate) fn open(
        parent: impl AsFd,
        name: &str,
        path: PathBuf,
        owners: Owners,
    ) -> Result<Option<Self>, PathError> {
        let handle = match openat(&parent, name, directory_flags(), Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                // "Not a directory" does not say what it is.
                let kind = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).map(|it| kind_of(&it));
                return Err(match kind {
                    Ok(kind) if kind != FileType::Directory => {
                        PathError::flawed(path, Flaw::NotADirectory(kind_name(kind)))
                    }
                    _ => PathError::io("open", path)(error),
                });
            }
        };
        let status = fstat(&handle).map_err(PathError::io("look at", &path))?;
        owners
            .check(status.st_uid)
            .map_err(|flaw| PathError::flawed(&path, flaw))?;
        Ok(Some(Self {
            handle,
            path,
            owners,
        }))
    }

    /// The path of an entry, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its own path, for messages.
    #[cfg(feature = "backup")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the permission to write from every other user: in a directory that they can write
    /// to, they can replace a file between two uses of it.
    pub(super) fn close_to_others(&self) -> Result<(), PathError> {
        let is_open = || -> Result<bool, PathError> {
            let status = fstat(&self.handle).map_err(PathError::io("look at", &self.path))?;
            let others = Mode::WGRP | Mode::WOTH;
            Ok(Mode::from_raw_mode(status.st_mode).intersects(others))
        };
        if is_open()? {
            tracing::warn!(path = %self.path.display(), "other users could write here");
            // Not every file system has modes, and only the owner may set one.
            let _ = fchmod(&self.handle, Mode::RWXU);
            if is_open()? {
                let process = geteuid().as_raw();
                return Err(PathError::flawed(&self.path, Flaw::Writable { process }));
            }
        }
        Ok(())
    }

    /// Opens a directory in this one; none when it does not exist.
    pub(crate) fn directory(&self, name: &str) -> Result<Option<Self>, PathError> {
        Self::open(&self.handle, name, self.path_of(name), self.owners)
    }

    /// Opens a directory in this one, and creates it when it does not exist.
    pub(crate) fn make_directory(&self, name: &str) -> Result<Self, PathError> {
        let path = self.path_of(name);
        match mkdirat(&self.handle, name, Mode::RWXU) {
            // A crash may have come between its creation and the sync.
            Ok(()) | Err(Errno::EXIST) => {
                fsync(&self.handle).map_err(PathError::io("sync the directory of", &path))?;
            }
            Err(error) => return Err(PathError::io("create", path)(error)),
        }
        let made = self.directory(name)?;
        let made = made.ok_or_else(|| PathError::io("open", path)(Errno::NOENT))?;
        made.close_to_others()?;
        Ok(made)
    }

    /// The names of all entries that are Unicode, as all names are that this crate writes.
    pub(crate) fn names(&self) -> Result<Vec<String>, PathError> {
        let read = || -> Result<Vec<String>, Errno> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.handle)? {
                names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
            }
            names.retain(|name| name != "." && name != "..");
            Ok(names)
        };
        read().map_err(PathError::io("list", &self.path))
    }

    /// Reads a whole file of at most `most` bytes; none when it does not exist.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, PathError> {
        let Some((file, status)) = self.open_with_status(name)? else {
            return Ok(None);
        };
        let too_long = || PathError::flawed(self.path_of(name), Flaw::TooLong(most));
        if u64::try_from(status.st_size).is_ok_and(|bytes| bytes > most) {
            return Err(too_long());
        }
        let mut content = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(PathError::io("read", self.path_of(name)))?;
        if content.len() as u64 > most {
            return Err(too_long());
        }
        Ok(Some(content))
    }

    /// Opens a file to read it; none when it does not exist.
    #[cfg(feature = "backup")]
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<File>, PathError> {
        Ok(self.open_with_status(name)?.map(|(file, _)| file))
    }

    fn open_with_status(&self, name: &str) -> Result<Option<(File, Stat)>, PathError> {
        match self.open_checked(name, OFlags::RDONLY) {
            Err(PathError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens a file to read and write it, and creates it when it does not exist. Its content is
    /// left as it is.
    pub(crate) fn open_or_create(&self, name: &str) -> Result<File, PathError> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        self.open_checked(name, flags).map(|(file, _)| file)
    }

    /// Creates a file, in the place of one that a crash has left.
    pub(crate) fn create(&self, name: &str) -> Result<File, PathError> {
        let refuse = || PathError::io("create", self.path_of(name));
        let create = || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            openat(&self.handle, name, flags | FILE, PRIVATE)
        };
        let created = match create() {
            Err(Errno::EXIST) => {
                unlinkat(&self.handle, name, AtFlags::empty()).map_err(refuse())?;
                create()
            }
            created => created,
        };
        created.map(File::from).map_err(refuse())
    }

    /// Replaces the file `name` whole, so that a crash leaves the old one or the new one: it is
    /// written as `aside`, synced, renamed, and the rename is synced.
    pub(crate) fn replace(&self, aside: &str, name: &str, content: &[u8]) -> Result<(), PathError> {
        let path = self.path_of(name);
        let mut file = self.create(aside)?;
        let written = file
            .write_all(content)
            .map_err(PathError::io("write", &path))
            .and_then(|()| file.sync_all().map_err(PathError::io("sync", &path)))
            .and_then(|()| {
                renameat(&self.handle, aside, &self.handle, name)
                    .map_err(PathError::io("replace", &path))
            });
        if written.is_err() {
            // On a full disk it holds a block that others need.
            let _ = unlinkat(&self.handle, aside, AtFlags::empty());
        }
        written?;
        fsync(&self.handle).map_err(PathError::io("sync the directory of", path))
    }

    fn open_checked(&self, name: &str, flags: OFlags) -> Result<(File, Stat), PathError> {
        let flawed = |flaw| PathError::flawed(self.path_of(name), flaw);
        // Before it is opened, because the opening of a device can have an effect.
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => check_kind(&status).map_err(flawed)?,
            Err(Errno::NOENT) => {}
            Err(error) => return Err(PathError::io("look at", self.path_of(name))(error)),
        }
        let opened = openat(&self.handle, name, flags | FILE, PRIVATE);
        let opened = opened.map_err(PathError::io("open", self.path_of(name)))?;
        let status = fstat(&opened).map_err(PathError::io("look at", self.path_of(name)))?;
        check_kind(&status).map_err(flawed)?;
        // A file that was replaced since it was opened has none.
        if status.st_nlink > 1 {
            return Err(flawed(Flaw::Links));
        }
        self.owners.check(status.st_uid).map_err(flawed)?;
        Ok((File::from(opened), status))
    }
}

impl AsFd for CheckedDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

fn kind_of(status: &Stat) -> FileType {
    FileType::from_raw_mode(status.st_mode)
}

fn check_kind(status: &Stat) -> Result<(), Flaw> {
    match kind_of(status) {
        FileType::RegularFile => Ok(()),
        kind => Err(Flaw::NotAFile(kind_name(kind))),
    }
}
