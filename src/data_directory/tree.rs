//! Removing a tree by directory handles, on several threads.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, openat, renameat, unlinkat};
use rustix::io::Errno;
use uuid::Uuid;

use super::crew::{self, Crew, Job};
use super::directory::{DataDirectory, directory_flags};
use super::entry::{Entry, EntryKind, file_name, is_dot};
use super::error::PathError;

/// More than there are processors: to unlink is mostly to wait for the file system.
const THREADS: usize = 4;

/// How many names of one directory are unlinked, or left to another thread, at a time.
const BATCH: usize = 256;

/// How many directories are known by their names and paths. Others are found again at the top.
const MOST_WAITING: usize = 1024;

/// The longest path that a message tells; a longer one could not be used anyway.
const LONGEST_PATH: usize = 4096;

/// Removes the directory `name` in `parent` with all that is in it. Blocks; follows no link,
/// crosses no mount; what is already gone is no error. What cannot be removed keeps nothing
/// else from being removed; the first such error is returned. Something else than a directory is
/// unlinked.
///
/// Directories below are moved up to the top first. So the depth of the tree costs neither
/// stack nor open files, and neither the number of its files nor that of its directories costs
/// memory.
pub(crate) fn remove_tree(
    data_directory: &DataDirectory,
    parent: BorrowedFd<'_>,
    name: &str,
    path: &Path,
) -> Result<(), PathError> {
    let top = match openat(parent, name, directory_flags(), Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return unlinkat(parent, name, AtFlags::empty()).map_err(PathError::io("remove", path));
        }
        Err(error) => return Err(PathError::io("open", path)(error)),
    };
    let removal = Removal {
        data_directory,
        top,
        path,
        stuck: Mutex::default(),
        error: Mutex::default(),
    };
    // Until there is nothing but what is stuck: what is moved up may be behind what is read.
    while removal.pass() {}
    match removal
        .error
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        Some(error) => Err(error),
        None => match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(PathError::io("remove", path)(error)),
        },
    }
}

struct Removal<'a> {
    data_directory: &'a DataDirectory,
    top: OwnedFd,
    path: &'a Path,
    /// What at the top cannot be removed.
    stuck: Mutex<HashSet<OsString>>,
    error: Mutex<Option<PathError>>,
}

/// A part of the removal.
enum Task {
    Directory(Found),
    Names(Arc<Open>, Vec<CString>),
}

/// A directory at the top of the tree.
struct Found {
    name: OsString,
    /// Where it was, for messages.
    path: PathBuf,
}

/// One that is being emptied. Whoever is the last to do with it removes it.
struct Open {
    found: Found,
    handle: OwnedFd,
    /// Whether something has been taken out of it.
    shrinks: AtomicBool,
}

impl Removal<'_> {
    /// Removes what is at the top by now. Returns whether there were any directories.
    fn pass(&self) -> bool {
        let mut entries = match Dir::read_from(&self.top) {
            Ok(entries) => entries,
            Err(error) => {
                self.note(Err(error), "open", || self.path.to_owned());
                return false;
            }
        };
        let mut any = false;
        loop {
            let found = self.list_top(&mut entries);
            if found.is_empty() {
                return any;
            }
            any = true;
            crew::run(self, found, THREADS);
        }
    }

    /// Unlinks files at the top, and returns the next directories.
    fn list_top(&self, entries: &mut Dir) -> Vec<Task> {
        let mut tasks = Vec::new();
        while tasks.len() < MOST_WAITING
            && let Some(entry) = entries.read()
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.note(Err(error), "list", || self.path.to_owned());
                    break;
                }
            };
            let name = file_name(entry.file_name());
            if is_dot(entry.file_name()) || locked(&self.stuck).contains(name) {
                continue;
            }
            let path = || self.path.join(name);
            match self.is_directory(&self.top, name, entry.file_type(), path) {
                Some(true) => tasks.push(Task::Directory(Found {
                    name: name.to_owned(),
                    path: path(),
                })),
                Some(false) => {
                    self.unlink(&self.top, entry.file_name(), path);
                }
                None => {}
            }
        }
        tasks
    }

    /// Takes everything out of `found`: files are unlinked, directories moved to the top.
    fn sweep(&self, found: Found, crew: &Crew<'_, '_, Self>) {
        let opened = openat(&self.top, &*found.name, directory_flags(), Mode::empty())
            .and_then(|handle| Ok((Dir::read_from(&handle)?, handle)));
        let (entries, handle) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if self.note(Err(error), "open", || found.path.clone()) {
                    locked(&self.stuck).insert(found.name);
                }
                return;
            }
        };
        let open = Arc::new(Open {
            found,
            handle,
            shrinks: AtomicBool::new(false),
        });
        let mut names = Vec::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.note(Err(error), "list", || open.found.path.clone());
                    break;
                }
            };
            let name = file_name(entry.file_name());
            if is_dot(entry.file_name()) {
                continue;
            }
            match self.is_directory(&open.handle, name, entry.file_type(), || open.path(name)) {
                Some(true) => self.move_up(&open, name, crew),
                Some(false) => names.push(entry.file_name().to_owned()),
                None => {}
            }
            if names.len() == BATCH {
                let names = std::mem::take(&mut names);
                if crew.is_hungry() {
                    crew.give(Task::Names(open.clone(), names));
                } else {
                    self.unlink_all(&open, &names, crew);
                }
            }
        }
        self.unlink_all(&open, &names, crew);
        self.leave(open, crew);
    }

    /// Tells whether it is a directory that can be emptied, or a file; none when it cannot be
    /// removed.
    fn is_directory(
        &self,
        parent: &OwnedFd,
        name: &OsStr,
        file_type: FileType,
        path: impl Fn() -> PathBuf,
    ) -> Option<bool> {
        if !matches!(file_type, FileType::Directory | FileType::Unknown) {
            return Some(false);
        }
        match Entry::look(parent, name) {
            Ok(entry) if entry.kind == EntryKind::File => Some(false),
            Ok(entry) if !entry.is_beyond(self.data_directory.mount()) => Some(true),
            Ok(_) => {
                locked(&self.error).get_or_insert_with(|| PathError::OtherFileSystem(path()));
                None
            }
            Err(error) => {
                self.note(Err(error), "look at", path);
                None
            }
        }
    }

    fn move_up(&self, open: &Open, name: &OsStr, crew: &Crew<'_, '_, Self>) {
        let moved = OsString::from(Uuid::now_v7().to_string());
        let renamed = renameat(&open.handle, name, &self.top, &*moved);
        if self.note(renamed, "remove", || open.path(name)) {
            return;
        }
        crew.did(1);
        open.shrinks.store(true, Ordering::Relaxed);
        if crew.waiting() < MOST_WAITING {
            crew.give(Task::Directory(Found {
                name: moved,
                path: open.path(name),
            }));
        }
    }

    fn unlink_all(&self, open: &Open, names: &[CString], crew: &Crew<'_, '_, Self>) {
        for name in names {
            if self.unlink(&open.handle, name, || open.path(file_name(name))) {
                open.shrinks.store(true, Ordering::Relaxed);
            }
        }
        crew.did(names.len());
    }

    /// Returns whether it is gone.
    fn unlink(&self, parent: impl AsFd, name: &CStr, path: impl FnOnce() -> PathBuf) -> bool {
        let unlinked = unlinkat(parent, name, AtFlags::empty());
        !self.note(unlinked, "remove", path)
    }

    /// Removes the directory, unless others have still to do with it.
    fn leave(&self, open: Arc<Open>, crew: &Crew<'_, '_, Self>) {
        let Some(Open { found, shrinks, .. }) = Arc::into_inner(open) else {
            return;
        };
        let removed = unlinkat(&self.top, &*found.name, AtFlags::REMOVEDIR);
        if removed == Err(Errno::NOTEMPTY) && shrinks.into_inner() {
            // Not every file system lists everything while entries go.
            crew.give(Task::Directory(found));
        } else if self.note(removed, "remove", || found.path.clone()) {
            locked(&self.stuck).insert(found.name);
        }
    }

    /// Keeps the first error; tells whether there was one.
    fn note(
        &self,
        result: Result<(), Errno>,
        action: &'static str,
        path: impl FnOnce() -> PathBuf,
    ) -> bool {
        match result {
            Ok(()) | Err(Errno::NOENT) => false,
            Err(error) => {
                locked(&self.error).get_or_insert_with(|| PathError::io(action, path())(error));
                true
            }
        }
    }
}

impl Job for Removal<'_> {
    type Task = Task;

    fn work(&self, task: Task, crew: &Crew<'_, '_, Self>) {
        match task {
            Task::Directory(found) => self.sweep(found, crew),
            Task::Names(open, names) => {
                self.unlink_all(&open, &names, crew);
                self.leave(open, crew);
            }
        }
    }
}

impl Open {
    fn path(&self, name: &OsStr) -> PathBuf {
        let path = &self.found.path;
        if path.as_os_str().len() + name.len() < LONGEST_PATH {
            path.join(name)
        } else {
            path.clone()
        }
    }
}

/// Nothing panics while it holds one of these locks; a poisoned one would be as good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    const FEW: &str = "FEW_OPEN_FILES";

    fn remove(directory: &Path, name: &str) -> Result<(), PathError> {
        let data_directory = DataDirectory::open(directory).unwrap();
        let root = rustix::fs::open(directory, directory_flags(), Mode::empty()).unwrap();
        remove_tree(&data_directory, root.as_fd(), name, Path::new(name))
    }

    /// Makes `levels` directories, each in the one before.
    fn deep(directory: &Path, levels: usize) {
        let mut deep = rustix::fs::open(directory, directory_flags(), Mode::empty()).unwrap();
        for _ in 0..levels {
            rustix::fs::mkdirat(&deep, "deep", Mode::RWXU).unwrap();
            deep = openat(&deep, "deep", directory_flags(), Mode::empty()).unwrap();
        }
    }

    #[test]
    fn neither_depth_nor_breadth_matters_to_a_process_that_may_open_few_files() {
        if std::env::var_os(FEW).is_none() {
            let name = "neither_depth_nor_breadth_matters_to_a_process_that_may_open_few_files";
            let child = Command::new("prlimit")
                .arg("--nofile=64")
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", &format!("data_directory::tree::tests::{name}")])
                .env(FEW, "")
                .output()
                .unwrap();
            let output = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success(), "{output}");
            assert!(output.contains("1 passed"), "{output}");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        deep(directory.path(), 5000);
        let tree = directory.path().join("deep");
        // More than are waiting at a time, so that some are found again.
        for number in 0..(2 * MOST_WAITING) {
            let wide = tree.join(format!("wide/wide-{number}/inner"));
            fs::create_dir_all(&wide).unwrap();
            fs::write(wide.join("file"), "").unwrap();
        }
        // More than one thread has to do with it.
        for number in 0..(20 * BATCH) {
            fs::write(tree.join(format!("deep/{number}")), "").unwrap();
        }
        deep(&tree.join("wide"), 5000);
        remove(directory.path(), "deep").unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn what_is_stuck_is_named_and_all_else_goes() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        for number in 0..(4 * BATCH) {
            let inner = tree.join(format!("some/{}/inner", number % 50));
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join(number.to_string()), "").unwrap();
            fs::write(tree.join(format!("some/{number}.jpg")), "").unwrap();
        }
        let stuck = tree.join("some/7/inner/7");
        let chattr = |change: &str, path: &Path| {
            let done = Command::new("chattr").arg(change).arg(path).output();
            assert!(done.as_ref().unwrap().status.success(), "{done:?}");
        };
        chattr("+i", &stuck);
        let error = remove(directory.path(), "tree").unwrap_err();
        let left = walk(&tree);
        let [.., file] = &left[..] else {
            panic!("it is gone");
        };
        chattr("-i", file);
        assert_eq!(error.to_string(), "could not remove `tree/some/7/inner/7`");
        assert_eq!(left.len(), 2, "it and its directory: {left:?}");
        remove(directory.path(), "tree").unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn a_removal_that_was_interrupted_anywhere_is_simply_run_again() {
        let directory = tempfile::tempdir().unwrap();
        let (tree, outside) = (
            directory.path().join("tree"),
            directory.path().join("outside"),
        );
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "kept").unwrap();
        for number in 0..(4 * BATCH) {
            let inner = tree.join(format!("{}/inner", number % 50));
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join(number.to_string()), "").unwrap();
        }
        symlink(&outside, tree.join("7/link")).unwrap();
        // Both at once do to each other what a crash does to the next start.
        let data_directory = DataDirectory::open(directory.path()).unwrap();
        let root = rustix::fs::open(directory.path(), directory_flags(), Mode::empty()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let path = Path::new("tree");
                    remove_tree(&data_directory, root.as_fd(), "tree", path).unwrap();
                });
            }
        });
        assert!(!tree.exists());
        assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    }

    #[test]
    fn what_is_no_directory_is_unlinked_and_never_followed() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        symlink(outside.path(), &tree).unwrap();
        remove(directory.path(), "tree").unwrap();
        fs::write(&tree, "").unwrap();
        remove(directory.path(), "tree").unwrap();
        assert!(tree.symlink_metadata().is_err());
        assert!(outside.path().join("kept").exists());
    }

    /// All that is below `directory`, each directory before what is in it.
    fn walk(directory: &Path) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            paths.push(path.clone());
            if path.is_dir() {
                paths.extend(walk(&path));
            }
        }
        paths
    }
}
