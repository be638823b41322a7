//! Counting what a path holds, in one pass and on several threads.

use std::ffi::{CString, OsStr};
use std::mem::take;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Dir, Mode, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use super::crew::{self, Crew, Job};
use super::directory::{DataDirectory, directory_flags};
use super::entry::{Entry, EntryKind, file_name, is_dot};
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
    /// The inode of the directory at the path, if it is one.
    directory: Option<u64>,
    /// Files, symbolic links and the like; directories are not counted.
    pub(crate) files: u64,
    /// Their sizes.
    pub(crate) bytes: u64,
    /// Changes when anything below the path is added, removed or written. The sum of a hash
    /// per entry, so that it does not depend on the order of the walk.
    pub(crate) fingerprint: u128,
    /// What cannot be removed, in the order of the paths.
    pub(crate) blockers: Vec<Blocker>,
}

/// More than there are processors: what is not in memory is waited for.
const THREADS: usize = 4;

/// How deep a tree may be: each level costs an open file while it is counted, and a preview
/// must not starve the service of them.
const MOST_LEVELS: usize = 512;

/// Below so many levels there is one thread at a time, for the same reason.
const SHALLOW: usize = 32;

/// How many names of one directory are left to another thread at a time.
const BATCH: usize = 256;

/// How many blockers are named; more would not help anybody.
const MOST_BLOCKERS: usize = 100;

impl DataDirectory {
    /// Counts what is at `path`, and finds what of it could not be removed. Blocks; follows
    /// no link.
    pub(crate) fn survey(&self, path: &RelativePath) -> Result<Survey, PathError> {
        let Some(place) = self.place(path)? else {
            return Ok(Survey::default());
        };
        self.survey_at(place.parent.as_fd(), &place.name, &self.absolute(path))
    }

    /// Counts what is called `name` in `directory`; that is at `here`.
    pub(crate) fn survey_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &str,
        here: &Path,
    ) -> Result<Survey, PathError> {
        let above = Entry::look(directory, OsStr::new(""))
            .map_err(PathError::io("look at the directory of", here))?;
        let walk = Walk::new(self);
        let parent = Directory {
            inode: 0,
            keeps_what_others_own: obstacle::keeps_what_others_own(&above),
            depth: 0,
            path: here.parent().unwrap_or(here).to_owned(),
        };
        let mut survey = Survey::default();
        let opened = walk.add(&mut survey, directory, OsStr::new(name), &parent)?;
        if survey.there {
            let locked = above.locked.map(|attribute| attribute.reason().to_owned());
            if let Some(reason) = locked.or_else(|| obstacle::of_directory(directory)) {
                walk.block(&parent.path, reason);
            }
        }
        survey.directory = opened.as_ref().map(|level| level.directory.inode);
        walk.sum(&survey);
        if let Some(level) = opened {
            crew::run(&walk, vec![Task::Level(level)], THREADS);
        }
        walk.end()
    }

    /// Whether `path` is the directory still that was surveyed. Blocks.
    pub(crate) fn is_still(&self, path: &RelativePath, survey: &Survey) -> Result<bool, PathError> {
        let (Some(inode), Some(place)) = (survey.directory, self.place(path)?) else {
            return Ok(false);
        };
        match Entry::look(&place.parent, OsStr::new(&place.name)) {
            Ok(entry) => Ok(entry.kind == EntryKind::Directory && entry.inode == inode),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(PathError::io("look at", self.absolute(path))(error)),
        }
    }
}

/// A directory that is read.
#[derive(Debug, Clone)]
struct Directory {
    inode: u64,
    /// Whether it lets nobody remove what is not his.
    keeps_what_others_own: bool,
    /// How many directories lead to it from the path that is surveyed, with both.
    depth: usize,
    path: PathBuf,
}

/// One that is read on.
struct Level {
    directory: Directory,
    entries: Dir,
    read: usize,
}

/// A part of the walk.
enum Task {
    Level(Level),
    Names(Directory, OwnedFd, Vec<CString>),
}

/// A survey under way.
struct Walk<'a> {
    data_directory: &'a DataDirectory,
    survey: Mutex<Survey>,
    /// Held by the one thread that is deep down.
    deep: Mutex<()>,
    has_failed: AtomicBool,
    error: Mutex<Option<PathError>>,
}

impl<'a> Walk<'a> {
    fn new(data_directory: &'a DataDirectory) -> Self {
        Self {
            data_directory,
            survey: Mutex::default(),
            deep: Mutex::default(),
            has_failed: AtomicBool::new(false),
            error: Mutex::default(),
        }
    }

    fn end(self) -> Result<Survey, PathError> {
        let error = self.error.into_inner();
        if let Some(error) = error.unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut survey = self.survey.into_inner();
        let survey = survey.as_mut().unwrap_or_else(|error| error.get_mut());
        survey.keep_first_blockers();
        Ok(take(survey))
    }

    /// Counts everything below `level`, or leaves it to others who have nothing to do.
    fn descend(
        &self,
        survey: &mut Survey,
        level: Level,
        crew: &Crew<'_, '_, Self>,
    ) -> Result<(), PathError> {
        let mut levels = vec![level];
        let mut deep = None;
        while let Some(level) = levels.last_mut() {
            if self.has_failed.load(Ordering::Relaxed) {
                break;
            }
            let path = &level.directory.path;
            let Some(child) = level.entries.read() else {
                crew.did(level.read % BATCH);
                levels.pop();
                if levels.len() <= SHALLOW {
                    deep = None;
                }
                continue;
            };
            let child = child.map_err(PathError::io("list", path))?;
            let name = child.file_name();
            if is_dot(name) {
                continue;
            }
            level.read += 1;
            if level.read.is_multiple_of(BATCH) {
                crew.did(BATCH);
                if crew.is_hungry() {
                    crew.give(level.next_names()?);
                }
            }
            let parent = level.entries.fd();
            let parent = parent.map_err(PathError::io("list", &level.directory.path))?;
            let Some(below) = self.add(survey, parent, file_name(name), &level.directory)? else {
                continue;
            };
            if crew.is_hungry() {
                crew.give(Task::Level(below));
                continue;
            }
            levels.push(below);
            if levels.len() > SHALLOW && deep.is_none() {
                deep = Some(locked(&self.deep));
            }
        }
        Ok(())
    }

    /// Counts one entry, and opens it when it is a directory.
    fn add(
        &self,
        survey: &mut Survey,
        parent: impl AsFd,
        name: &OsStr,
        directory: &Directory,
    ) -> Result<Option<Level>, PathError> {
        let path = || directory.path.join(name);
        let entry = match Entry::look(&parent, name) {
            Ok(entry) => entry,
            // Gone since its directory was listed.
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(PathError::io("look at", path())(error)),
        };
        survey.there = true;
        if entry.is_beyond(self.data_directory.mount()) {
            let reason = "is a mount point or lies on another file system than the data \
                          directory: unmount it, or preserve it";
            self.block(&path(), reason);
            return Ok(None);
        }
        if let Some(attribute) = entry.locked {
            self.block(&path(), attribute.reason());
        }
        if directory.keeps_what_others_own && !obstacle::is_ours(&entry) {
            let reason = "belongs to another user, and its directory is sticky: change its \
                          owner, or take the sticky bit from the directory";
            self.block(&path(), reason);
        }
        let fingerprint = entry.fingerprint(name, directory.inode);
        survey.fingerprint = survey.fingerprint.wrapping_add(fingerprint);
        if entry.kind == EntryKind::File {
            survey.files += 1;
            survey.bytes += entry.bytes;
            return Ok(None);
        }
        let opened = openat(&parent, name, directory_flags(), Mode::empty()).and_then(Dir::new);
        let entries = match opened {
            Ok(entries) => entries,
            Err(Errno::NOENT) => return Ok(None),
            Err(error @ (Errno::ACCESS | Errno::PERM)) => {
                let error = std::io::Error::from(error);
                self.block(&path(), format!("cannot be listed by the service: {error}"));
                return Ok(None);
            }
            Err(error) => return Err(PathError::io("open", path())(error)),
        };
        let handle = entries.fd().map_err(PathError::io("list", path()))?;
        // One that is locked has been named already.
        if entry.locked.is_none()
            && let Some(reason) = obstacle::of_directory(handle)
        {
            self.block(&path(), reason);
        }
        if directory.depth == MOST_LEVELS {
            let reason =
                format!("is more than {MOST_LEVELS} directories deep: move it up, or remove it");
            self.block(&path(), reason);
            return Ok(None);
        }
        Ok(Some(Level {
            directory: Directory {
                inode: entry.inode,
                keeps_what_others_own: obstacle::keeps_what_others_own(&entry),
                depth: directory.depth + 1,
                path: path(),
            },
            entries,
            read: 0,
        }))
    }

    fn block(&self, path: &Path, reason: impl Into<String>) {
        let name = self.data_directory.name_of(path);
        let mut survey = locked(&self.survey);
        let blocker = Blocker::new(ItemKind::Path, name, reason);
        survey.blockers.push(blocker);
        if survey.blockers.len() == 2 * MOST_BLOCKERS {
            survey.keep_first_blockers();
        }
    }

    fn sum(&self, part: &Survey) {
        let mut survey = locked(&self.survey);
        survey.there |= part.there;
        survey.directory = survey.directory.or(part.directory);
        survey.files += part.files;
        survey.bytes += part.bytes;
        survey.fingerprint = survey.fingerprint.wrapping_add(part.fingerprint);
    }
}

impl Job for Walk<'_> {
    type Task = Task;

    fn work(&self, task: Task, crew: &Crew<'_, '_, Self>) {
        let mut survey = Survey::default();
        let done = match task {
            Task::Level(level) => self.descend(&mut survey, level, crew),
            Task::Names(directory, handle, names) => names.iter().try_for_each(|name| {
                match self.add(&mut survey, &handle, file_name(name), &directory)? {
                    Some(level) => self.descend(&mut survey, level, crew),
                    None => Ok(()),
                }
            }),
        };
        self.sum(&survey);
        if let Err(error) = done {
            locked(&self.error).get_or_insert(error);
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

impl Level {
    /// Takes the next names out of what is read.
    fn next_names(&mut self) -> Result<Task, PathError> {
        let path = &self.directory.path;
        let mut names = Vec::with_capacity(BATCH);
        while names.len() < BATCH
            && let Some(entry) = self.entries.read()
        {
            let entry = entry.map_err(PathError::io("list", path))?;
            if !is_dot(entry.file_name()) {
                names.push(entry.file_name().to_owned());
            }
        }
        let handle = self.entries.fd().and_then(|fd| fcntl_dupfd_cloexec(fd, 0));
        let handle = handle.map_err(PathError::io("list", path))?;
        Ok(Task::Names(self.directory.clone(), handle, names))
    }
}

impl Survey {
    /// The same ones, whatever order they were found in.
    fn keep_first_blockers(&mut self) {
        self.blockers.sort_by(|one, other| {
            let names = Path::new(&one.name).cmp(Path::new(&other.name));
            names.then_with(|| one.reason.cmp(&other.reason))
        });
        self.blockers.truncate(MOST_BLOCKERS);
    }
}

/// Nothing panics while it holds one of these locks; a poisoned one would be as good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
