//! Replacing a file whole: a crash leaves the old one or the new one.

use std::fs::File;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};

use super::error::PathError;

/// Replaces the file `name` in `directory`: written as `aside`, synced, renamed, and the
/// rename synced. `path` is the file's for messages. Blocks.
pub(crate) fn replace(
    directory: BorrowedFd<'_>,
    aside: &str,
    name: &str,
    path: &Path,
    content: &[u8],
) -> Result<(), PathError> {
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(directory, aside, flags, Mode::RUSR | Mode::WUSR)
        .map_err(PathError::io("write", path))?;
    let mut file = File::from(file);
    let written = file
        .write_all(content)
        .map_err(PathError::io("write", path))
        .and_then(|()| file.sync_all().map_err(PathError::io("sync", path)))
        .and_then(|()| {
            renameat(directory, aside, directory, name).map_err(PathError::io("replace", path))
        });
    if written.is_err() {
        // On a full disk it holds a block that others need.
        let _ = unlinkat(directory, aside, AtFlags::empty());
    }
    written?;
    fsync(directory).map_err(PathError::io("sync the directory of", path))
}
