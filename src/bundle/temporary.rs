//! Files on the way to becoming part of a backup.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat, unlinkat};
use rustix::io::Errno;
use uuid::Uuid;

/// Neither a bundle nor its sum ends like this.
const SUFFIX: &str = ".unfinished";

/// Whether a file of that name was left by a writer that crashed.
pub(super) fn is_left_over(name: &str) -> bool {
    name.strip_suffix(SUFFIX)
        .is_some_and(|stem| stem.parse::<Uuid>().is_ok())
}

/// A file without a name: it goes with its handle.
pub(super) fn nameless(directory: BorrowedFd<'_>) -> io::Result<File> {
    Temporary::create(directory)?.file.try_clone()
}

/// A file that goes when it is dropped before it was placed.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    directory: BorrowedFd<'a>,
    name: String,
    pub(super) file: File,
}

impl<'a> Temporary<'a> {
    pub(super) fn create(directory: BorrowedFd<'a>) -> io::Result<Self> {
        let name = format!("{}{SUFFIX}", Uuid::now_v7());
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, &*name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Self {
            directory,
            name,
            file: File::from(file),
        })
    }

    /// Gives it its name, if nothing has that name.
    pub(super) fn place(&self, name: &str) -> Result<(), Errno> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{RenameFlags, renameat_with};

            let (directory, flags) = (self.directory, RenameFlags::NOREPLACE);
            match renameat_with(directory, &*self.name, directory, name, flags) {
                // Not every file system knows the flag.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                renamed => return renamed,
            }
        }
        // The first name goes with the drop.
        linkat(
            self.directory,
            &*self.name,
            self.directory,
            name,
            AtFlags::empty(),
        )
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // Mostly gone already. What stays is cleaned at the next start.
        let _ = unlinkat(self.directory.as_fd(), &*self.name, AtFlags::empty());
    }
}
