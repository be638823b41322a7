//! Removing a tree by directory handles.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, openat, unlinkat};
use rustix::io::Errno;

use super::directory::{DataDirectory, directory_flags};
use super::entry::{Entry, EntryKind, file_name};
use super::error::PathError;

/// Removes `name` in `parent` with all that is in it. Blocks; follows no link, crosses no
/// mount; what is already gone is no error.
pub(crate) fn remove_tree(
    data_directory: &DataDirectory,
    parent: BorrowedFd<'_>,
    name: &OsStr,
    path: &Path,
) -> Result<(), PathError> {
    let gone = |result: Result<(), Errno>, action| match result {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(PathError::io(action, path)(error)),
    };
    let entry = match Entry::look(parent, name) {
        Ok(entry) => entry,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(PathError::io("look at", path)(error)),
    };
    if entry.mount != data_directory.mount() {
        return Err(PathError::OtherFileSystem(path.to_owned()));
    }
    if entry.kind == EntryKind::File {
        return gone(unlinkat(parent, name, AtFlags::empty()), "remove");
    }
    let directory = openat(parent, name, directory_flags(), Mode::empty())
        .map_err(PathError::io("open", path))?;
    let entries = Dir::read_from(&directory).map_err(PathError::io("list", path))?;
    for child in entries {
        let child = child.map_err(PathError::io("list", path))?;
        let child = file_name(child.file_name());
        if child != "." && child != ".." {
            remove_tree(data_directory, directory.as_fd(), child, &path.join(child))?;
        }
    }
    gone(unlinkat(parent, name, AtFlags::REMOVEDIR), "remove")
}
