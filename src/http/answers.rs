//! The answers to requests that may be repeated. Kept in `.factory-reset/idempotency/`, one file
//! a key, and so through every reset and start.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reply::Reply;
use crate::data_directory::{DataDirectory, PathError, replace};
use crate::error::chain;
use crate::reserve;
use crate::task::blocking;

const DIRECTORY: &str = "idempotency";
const ASIDE: &str = "new";
const VERSION: u32 = 1;

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How many records are read at a time.
const READS: usize = 8;
/// How many answers are kept.
const MOST: usize = 10_000;

/// What is known of a request that may be repeated. Nothing of its body but a hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// What tells the request from another one under the same key.
    pub(super) fingerprint: String,
    /// When it came first.
    pub(super) at: Timestamp,
    /// The run that it began.
    pub(super) run: Uuid,
    /// None while the run goes on, and for ever if the process was killed meanwhile.
    pub(super) answer: Option<Reply>,
}

impl Record {
    /// A request that came now, and is not answered yet.
    pub(super) fn new(fingerprint: String) -> Self {
        Self {
            version: VERSION,
            fingerprint,
            at: Timestamp::now(),
            run: Uuid::now_v7(),
            answer: None,
        }
    }
}

/// The clock may be set back: what it calls the future is as old as what lies in the past.
fn is_expired(at: Timestamp) -> bool {
    Timestamp::now().duration_since(at).abs() > KEPT
}

/// The answers of a data directory.
#[derive(Debug)]
pub(crate) struct Answers {
    store: Arc<Store>,
    /// Calls without authorisation read records too: many at a time would take all the file
    /// descriptors of the process.
    reads: tokio::sync::Semaphore,
    /// One request at a time under a key.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Answers {
    pub(crate) fn new(data_directory: Arc<DataDirectory>) -> Self {
        let store = Store {
            data_directory,
            times: Mutex::default(),
        };
        Self {
            store: Arc::new(store),
            reads: tokio::sync::Semaphore::new(READS),
            turns: Mutex::default(),
        }
    }

    /// Waits until no other request goes on under `name`.
    pub(super) async fn turn(&self, name: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = locked(&self.turns);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(name).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(name.to_owned(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }

    /// Whether a request goes on under `name`.
    pub(super) fn is_under_way(&self, name: &str) -> bool {
        let turn = locked(&self.turns).get(name).and_then(Weak::upgrade);
        turn.is_some_and(|turn| turn.try_lock().is_err())
    }

    /// What is known under `name`, unless it has expired.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Record>, PathError> {
        // Never closed; a read without a permit would be as good.
        let _permit = self.reads.acquire().await;
        let (store, name) = (self.store.clone(), name.to_owned());
        blocking(move || store.find(&name)).await
    }

    /// Writes `record` down, and lets go what is too old or too much.
    pub(super) async fn keep(&self, name: &str, record: &Record) -> Result<(), PathError> {
        let (store, name, record) = (self.store.clone(), name.to_owned(), record.clone());
        blocking(move || store.keep(&name, &record)).await
    }

    /// Forgets what is known under `name`.
    pub(super) async fn forget(&self, name: &str) {
        let (store, name) = (self.store.clone(), name.to_owned());
        blocking(move || store.forget(&name)).await;
    }
}

/// Nothing panics while it holds one of these locks; a poisoned one would be as good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files. Each method blocks.
#[derive(Debug)]
struct Store {
    data_directory: Arc<DataDirectory>,
    /// When each record was written, once that has been read; held while files are written.
    times: Mutex<Option<BTreeMap<String, Timestamp>>>,
}

impl Store {
    fn find(&self, name: &str) -> Result<Option<Record>, PathError> {
        let record = self.read(&self.directory()?, name)?;
        Ok(record.filter(|record| !is_expired(record.at)))
    }

    fn keep(&self, name: &str, record: &Record) -> Result<(), PathError> {
        let directory = self.directory()?;
        let mut times = locked(&self.times);
        let times = times.get_or_insert_with(|| self.times(&directory));
        let text = serde_json::to_vec(record).map_err(|error| {
            PathError::io("write", self.path(name))(std::io::Error::from(error))
        })?;
        let write = || {
            let (file, path) = (file_name(name), self.path(name));
            replace(directory.as_fd(), ASIDE, &file, &path, &text)
        };
        write().or_else(|error| {
            if reserve::give_up(&self.data_directory) {
                write()
            } else {
                Err(error)
            }
        })?;
        times.remove(name);
        let expired = times.extract_if(.., |_, at| is_expired(*at));
        let mut gone: Vec<_> = expired.map(|(name, _)| name).collect();
        while times.len() >= MOST
            && let Some((oldest, _)) = times.iter().min_by_key(|(_, at)| **at)
        {
            let oldest = oldest.clone();
            times.remove(&oldest);
            gone.push(oldest);
        }
        gone.iter().for_each(|name| remove(&directory, name));
        times.insert(name.to_owned(), record.at);
        Ok(())
    }

    fn forget(&self, name: &str) {
        let Ok(directory) = self.directory() else {
            return;
        };
        let mut times = locked(&self.times);
        remove(&directory, name);
        if let Some(times) = &mut *times {
            times.remove(name);
        }
    }

    /// When each record was written, as far as they can be read. The others stay: what they
    /// stand for must not be done again.
    fn times(&self, directory: &OwnedFd) -> BTreeMap<String, Timestamp> {
        let listed = Dir::read_from(directory).into_iter().flatten().flatten();
        let names = listed.filter_map(|entry| {
            let name = entry.file_name().to_str().ok()?;
            Some(name.strip_suffix(".json")?.to_owned())
        });
        let time = |name: String| {
            let record = self.read(directory, &name).ok()??;
            Some((name, record.at))
        };
        names.filter_map(time).collect()
    }

    fn read(&self, directory: &OwnedFd, name: &str) -> Result<Option<Record>, PathError> {
        let refuse = |error| PathError::io("read", self.path(name))(error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(directory, file_name(name), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(PathError::io("open", self.path(name))(error)),
        };
        let mut text = Vec::new();
        { file }.read_to_end(&mut text).map_err(refuse)?;
        let record: Record = serde_json::from_slice(&text)
            .map_err(std::io::Error::from)
            .map_err(refuse)?;
        if record.version != VERSION {
            return Err(refuse(std::io::Error::other(format!(
                "it has version {}, this program knows {VERSION}",
                record.version
            ))));
        }
        Ok(Some(record))
    }

    fn directory(&self) -> Result<OwnedFd, PathError> {
        self.data_directory.make_own_directory(DIRECTORY)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.data_directory
            .own_path(DIRECTORY)
            .join(file_name(name))
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.json")
}

/// Best effort: what is left expires.
fn remove(directory: &OwnedFd, name: &str) {
    if let Err(error) = unlinkat(directory, file_name(name), AtFlags::empty())
        && error != Errno::NOENT
    {
        tracing::warn!(
            name,
            error = chain(&error),
            "an answer could not be removed"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(directory: &tempfile::TempDir) -> Store {
        Store {
            data_directory: Arc::new(DataDirectory::open(directory.path()).unwrap()),
            times: Mutex::default(),
        }
    }

    fn aged(hours: i64) -> Record {
        let mut record = Record::new("fingerprint".to_owned());
        record.at -= SignedDuration::from_hours(hours);
        record
    }

    #[test]
    fn what_is_too_old_by_either_clock_is_gone_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory);
        for (name, hours) in [("old", 25), ("ahead", -25), ("recent", 23)] {
            first.keep(name, &aged(hours)).unwrap();
        }
        assert!(first.find("old").unwrap().is_none());
        assert!(first.find("ahead").unwrap().is_none());
        assert!(first.find("recent").unwrap().is_some());
        drop(first);
        let second = store(&directory);
        second.keep("fresh", &aged(0)).unwrap();
        let folder = directory.path().join(".factory-reset").join(DIRECTORY);
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["fresh.json", "recent.json"]);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        store.keep("oldest", &aged(2)).unwrap();
        let now = Timestamp::now();
        let many = (0..MOST - 1).map(|number| (number.to_string(), now));
        locked(&store.times).as_mut().unwrap().extend(many);
        store.keep("newest", &aged(3)).unwrap();
        assert!(store.find("oldest").unwrap().is_none());
        assert!(store.find("newest").unwrap().is_some());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_licence_to_do_it_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        store.keep("torn", &aged(0)).unwrap();
        std::fs::write(store.path("torn"), "{").unwrap();
        assert!(store.find("torn").is_err());
    }
}
