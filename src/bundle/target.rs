//! The directory that a bundle is unpacked into.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{
    Mode, OFlags, RawMode, Timespec, Timestamps, UTIME_OMIT, fchmod, fstatvfs, futimens, mkdirat,
    openat,
};
use rustix::io::Errno;

use super::error::BundleError;
use super::fault::BundleFault;
use super::head::{Head, Kind};
use super::name::BundleName;
use crate::data_directory::{PathError, directory_flags};

/// Makes files and directories below one directory, and nowhere else: every one is new, and
/// reached by the handle of the directory that it lies in.
pub(super) struct Target<'a> {
    bundle: &'a BundleName,
    top: BorrowedFd<'a>,
    path: PathBuf,
    /// The directories on the way to what was made last.
    levels: Vec<Level>,
}

struct Level {
    name: Vec<u8>,
    directory: OwnedFd,
    /// What it gets when nothing more comes into it.
    head: Option<Head>,
}

impl<'a> Target<'a> {
    pub(super) fn new(bundle: &'a BundleName, top: BorrowedFd<'a>, path: PathBuf) -> Self {
        Self {
            bundle,
            top,
            path,
            levels: Vec::new(),
        }
    }

    /// Where an entry comes to lie, for messages.
    pub(super) fn path_of(&self, head: &Head) -> PathBuf {
        self.path.join(OsStr::from_bytes(&head.path))
    }

    /// Whether as much may be written.
    pub(super) fn check_room(
        &self,
        bytes: u64,
        entries: u64,
        keep_free: u64,
    ) -> Result<(), BundleError> {
        let status = fstatvfs(self.top).map_err(PathError::io("look at", &self.path))?;
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        let free = free.saturating_sub(keep_free);
        // The last block of each file is full only by chance.
        let needed = entries
            .saturating_mul(status.f_frsize)
            .saturating_add(bytes);
        let room = |what, needed, free| {
            let error = BundleError::NoRoom { what, needed, free };
            if needed > free { Err(error) } else { Ok(()) }
        };
        room("bytes", needed, free)?;
        // Not every file system has such a limit.
        if status.f_files > 0 {
            room("files", entries, status.f_favail)?;
        }
        Ok(())
    }

    /// Makes the file or directory that `head` describes. The first `above` components of its
    /// path need no entries of their own. Returns the file, to be written.
    pub(super) fn make(&mut self, head: &Head, above: usize) -> Result<Option<File>, BundleError> {
        let mut names: Vec<_> = head.path.split(|&byte| byte == b'/').collect();
        let name = names.pop().unwrap_or_default();
        self.enter(&names, above, head)?;
        let parent = self.here();
        let refuse = |error| match error {
            Errno::EXIST => BundleFault::entry(&head.path, "is there twice").of(self.bundle),
            error => PathError::io("create", self.path_of(head))(error).into(),
        };
        if head.kind == Kind::Directory {
            mkdirat(parent, name, Mode::RWXU).map_err(refuse)?;
            let directory = openat(parent, name, directory_flags(), Mode::empty());
            let level = Level {
                name: name.to_vec(),
                directory: directory.map_err(refuse)?,
                head: Some(head.clone()),
            };
            self.levels.push(level);
            return Ok(None);
        }
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map_err(refuse)?;
        Ok(Some(File::from(file)))
    }

    /// Makes a file with this content.
    pub(super) fn save(&mut self, head: &Head, content: &[u8]) -> Result<(), BundleError> {
        if let Some(mut file) = self.make(head, 0)? {
            let written = file.write_all(content);
            written.map_err(PathError::io("write", self.path_of(head)))?;
            self.complete(&file, head)?;
        }
        Ok(())
    }

    /// Gives a file that has been written its mode and time.
    pub(super) fn complete(&self, file: &File, head: &Head) -> Result<(), BundleError> {
        set(file, head).map_err(PathError::io("set the mode or time of", self.path_of(head)))?;
        if cfg!(not(target_os = "linux")) {
            let synced = file.sync_all();
            synced.map_err(PathError::io("sync", self.path_of(head)))?;
        }
        Ok(())
    }

    /// Completes all directories, and makes everything durable.
    pub(super) fn finish(mut self) -> Result<(), BundleError> {
        self.leave(0)?;
        #[cfg(target_os = "linux")]
        let synced = rustix::fs::syncfs(self.top);
        #[cfg(not(target_os = "linux"))]
        let synced = rustix::fs::fsync(self.top);
        synced.map_err(PathError::io("sync", &self.path))?;
        Ok(())
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.levels
            .last()
            .map_or(self.top, |level| level.directory.as_fd())
    }

    /// Goes to the directory `names`.
    fn enter(&mut self, names: &[&[u8]], above: usize, head: &Head) -> Result<(), BundleError> {
        let levels = self.levels.iter().zip(names);
        let common = levels
            .take_while(|(level, name)| level.name == **name)
            .count();
        self.leave(common)?;
        for (index, &name) in names.iter().enumerate().skip(common) {
            if index >= above {
                let reason = "does not follow the directory that it lies in";
                return Err(BundleFault::entry(&head.path, reason).of(self.bundle));
            }
            let refuse = || PathError::io("create the directory of", self.path_of(head));
            match mkdirat(self.here(), name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(refuse()(error).into()),
            }
            let directory = openat(self.here(), name, directory_flags(), Mode::empty());
            let level = Level {
                name: name.to_vec(),
                directory: directory.map_err(refuse())?,
                head: None,
            };
            self.levels.push(level);
        }
        Ok(())
    }

    /// Leaves directories, the inner ones first, until only so many are left.
    fn leave(&mut self, left: usize) -> Result<(), BundleError> {
        while self.levels.len() > left
            && let Some(level) = self.levels.pop()
        {
            if let Some(head) = &level.head {
                let refuse = PathError::io("set the mode or time of", self.path_of(head));
                set(&level.directory, head).map_err(refuse)?;
            }
            if cfg!(not(target_os = "linux")) {
                let synced = rustix::fs::fsync(&level.directory);
                synced.map_err(PathError::io("sync", &self.path))?;
            }
        }
        Ok(())
    }
}

fn set(opened: impl AsFd, head: &Head) -> Result<(), Errno> {
    let mask = match head.kind {
        Kind::File => 0o1777,
        Kind::Directory => 0o7777,
    };
    fchmod(&opened, Mode::from_raw_mode((head.mode & mask) as RawMode))?;
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: head.modified.0,
            tv_nsec: head.modified.1.into(),
        },
    };
    futimens(opened, &times)
}
