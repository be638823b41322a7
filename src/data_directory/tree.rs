//! Removing a tree by directory handles.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, openat, renameat, unlinkat};
use rustix::io::Errno;
use uuid::Uuid;

use super::directory::{DataDirectory, directory_flags};
use super::entry::{Entry, EntryKind, file_name};
use super::error::PathError;

/// How many directories are moved up at a time.
const BATCH: usize = 64;

/// Removes the directory `name` in `parent` with all that is in it. Blocks; follows no link,
/// crosses no mount; what is already gone is no error. What cannot be removed keeps nothing
/// else from being removed; the first such error is returned.
///
/// Directories below are moved up to the top first. So the depth of the tree costs neither
/// stack nor open files, and the number of its files costs nothing.
pub(crate) fn remove_tree(
    data_directory: &DataDirectory,
    parent: BorrowedFd<'_>,
    name: &str,
    path: &Path,
) -> Result<(), PathError> {
    let top = match openat(parent, name, directory_flags(), Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(PathError::io("open", path)(error)),
    };
    let mut removal = Removal {
        data_directory,
        top,
        stuck: HashSet::new(),
        error: None,
    };
    // What is being emptied; what was in it comes above it.
    let mut stack = Vec::new();
    loop {
        let (inner, inner_path) = match stack.last() {
            None => (OsStr::new("."), path),
            Some(Directory { name, path }) => (name.as_os_str(), path.as_path()),
        };
        let below = removal.sweep(inner, inner_path);
        if !below.is_empty() {
            stack.extend(below);
        } else if let Some(Directory { name, path }) = stack.pop() {
            let removed = unlinkat(&removal.top, &*name, AtFlags::REMOVEDIR);
            if removal.note(removed, "remove", &path) {
                removal.stuck.insert(name);
            }
        } else {
            break;
        }
    }
    match removal.error {
        Some(error) => Err(error),
        None => match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(PathError::io("remove", path)(error)),
        },
    }
}

/// A directory at the top of the tree.
struct Directory {
    name: OsString,
    /// Where it was, for messages.
    path: PathBuf,
}

struct Removal<'a> {
    data_directory: &'a DataDirectory,
    top: OwnedFd,
    /// What at the top cannot be removed.
    stuck: HashSet<OsString>,
    error: Option<PathError>,
}

impl Removal<'_> {
    /// Unlinks the files of `directory`, which is at the top or the top itself, and returns
    /// some of the directories in it, moved to the top; none when there is none left.
    fn sweep(&mut self, directory: &OsStr, path: &Path) -> Vec<Directory> {
        let mut below = Vec::new();
        let opened = openat(&self.top, directory, directory_flags(), Mode::empty())
            .and_then(|handle| Ok((Dir::read_from(&handle)?, handle)));
        let (entries, handle) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.note(Err(error), "open", path);
                return below;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.note(Err(error), "list", path);
                    break;
                }
            };
            let name = file_name(entry.file_name());
            if name == "." || name == ".." || (directory == "." && self.stuck.contains(name)) {
                continue;
            }
            let child = path.join(name);
            if !self.is_directory(&handle, name, entry.file_type(), &child) {
                continue;
            }
            let name = if directory == "." {
                name.to_owned()
            } else {
                let moved = OsString::from(Uuid::now_v7().to_string());
                let renamed = renameat(&handle, name, &self.top, &*moved);
                if self.note(renamed, "remove", &child) {
                    continue;
                }
                moved
            };
            below.push(Directory { name, path: child });
            if below.len() == BATCH {
                break;
            }
        }
        below
    }

    /// Unlinks what is no directory; tells whether it is one that can be emptied.
    fn is_directory(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        file_type: FileType,
        path: &Path,
    ) -> bool {
        if matches!(file_type, FileType::Directory | FileType::Unknown) {
            match Entry::look(parent, name) {
                Ok(entry) if entry.kind == EntryKind::File => {}
                Ok(entry) if !entry.is_beyond(self.data_directory.mount()) => return true,
                Ok(_) => {
                    let error = PathError::OtherFileSystem(path.to_owned());
                    self.error.get_or_insert(error);
                    return false;
                }
                Err(error) => {
                    self.note(Err(error), "look at", path);
                    return false;
                }
            }
        }
        let unlinked = unlinkat(parent, name, AtFlags::empty());
        self.note(unlinked, "remove", path);
        false
    }

    /// Keeps the first error; tells whether there was one.
    fn note(&mut self, result: Result<(), Errno>, action: &'static str, path: &Path) -> bool {
        match result {
            Ok(()) | Err(Errno::NOENT) => false,
            Err(error) => {
                self.error
                    .get_or_insert_with(|| PathError::io(action, path)(error));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn neither_depth_nor_breadth_matters() {
        let directory = tempfile::tempdir().unwrap();
        let data_directory = DataDirectory::open(directory.path()).unwrap();
        let mut deep =
            rustix::fs::open(directory.path(), directory_flags(), Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&deep, "deep", Mode::RWXU).unwrap();
            deep = openat(&deep, "deep", directory_flags(), Mode::empty()).unwrap();
        }
        for number in 0..(2 * BATCH) {
            let wide = directory.path().join(format!("deep/wide-{number}/inner"));
            fs::create_dir_all(&wide).unwrap();
            fs::write(wide.join("file"), "").unwrap();
        }
        let root = rustix::fs::open(directory.path(), directory_flags(), Mode::empty()).unwrap();
        remove_tree(&data_directory, root.as_fd(), "deep", Path::new("deep")).unwrap();
        assert!(!directory.path().join("deep").exists());
    }
}
