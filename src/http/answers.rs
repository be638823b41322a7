//! The answers to requests that may be repeated. Kept in `.factory-reset/idempotency/`, one file
//! a key, and so through every reset and start.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reply::Reply;
use crate::data_directory::{CheckedDirectory, DataDirectory, PathError};
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
/// How much of the file of one answer is read, in bytes: as much as of a run in the history,
/// because both hold a report.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What is known of a request that may be repeated. Nothing of its body but a hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// What tells the request from another one under the same key.
    pub(super) fingerprint: String,
    /// Who made the request, hashed with the key; absent in records of earlier versions.
    #[serde(default)]
    pub(super) actor: Option<String>,
    /// When it came first.
    pub(super) at: Timestamp,
    /// The run that it began.
    pub(super) run: Uuid,
    /// None while the run goes on, and for ever if the process was killed meanwhile.
    pub(super) answer: Option<Reply>,
    /// When it was answered; absent in records of earlier versions.
    #[serde(default)]
    pub(super) answered_at: Option<Timestamp>,
}

impl Record {
    /// A request that came now, and is not answered yet.
    pub(super) fn new(fingerprint: String, actor: String) -> Self {
        Self {
            version: VERSION,
            fingerprint,
            actor: Some(actor),
            at: Timestamp::now(),
            run: Uuid::now_v7(),
            answer: None,
            answered_at: None,
        }
    }

    /// Whether `actor`, hashed with the key, made the request, as far as that is known.
    pub(super) fn is_of(&self, actor: &str) -> bool {
        self.actor.as_ref().is_none_or(|known| known == actor)
    }
}

/// A record from the future was written before the clock was set back: how long ago is not known,
/// so that it never expires before the clock has come to its time again, and [`MOST`] alone
/// bounds how many there are.
fn is_expired(at: Timestamp) -> bool {
    Timestamp::now().duration_since(at) > KEPT
}

/// When a record was written.
#[derive(Debug, Clone, Copy)]
struct Written {
    at: Timestamp,
    /// Its place among all records. Their times do not tell it where the clock was set back.
    number: u64,
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
    times: Mutex<Option<BTreeMap<String, Written>>>,
}

impl Store {
    fn find(&self, name: &str) -> Result<Option<Record>, PathError> {
        let record = read(&self.directory()?, name)?;
        Ok(record.filter(|record| !is_expired(record.at)))
    }

    fn keep(&self, name: &str, record: &Record) -> Result<(), PathError> {
        let directory = self.directory()?;
        let mut times = locked(&self.times);
        let times = times.get_or_insert_with(|| self.times(&directory));
        let text = serde_json::to_vec(record).map_err(|error| {
            let path = directory.path_of(&file_name(name));
            PathError::io("write", path)(std::io::Error::from(error))
        })?;
        let write = || directory.replace(ASIDE, &file_name(name), &text);
        write().or_else(|error| {
            if reserve::give_up(&self.data_directory) {
                write()
            } else {
                Err(error)
            }
        })?;
        times.remove(name);
        let expired = times.extract_if(.., |_, written| is_expired(written.at));
        let mut gone: Vec<_> = expired.map(|(name, _)| name).collect();
        while times.len() >= MOST
            && let Some((oldest, _)) = times.iter().min_by_key(|(_, written)| written.number)
        {
            let oldest = oldest.clone();
            times.remove(&oldest);
            gone.push(oldest);
        }
        gone.iter().for_each(|name| remove(&directory, name));
        let last = times.values().map(|written| written.number).max();
        let number = last.map_or(0, |last| last + 1);
        let at = record.at;
        times.insert(name.to_owned(), Written { at, number });
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
    fn times(&self, directory: &CheckedDirectory) -> BTreeMap<String, Written> {
        let names = directory.names().unwrap_or_else(|error| {
            tracing::warn!(
                error = chain(&error),
                "no answers expire before the next start"
            );
            Vec::new()
        });
        let time = |file: String| {
            let name = file.strip_suffix(".json")?;
            let record = read(directory, name).ok()??;
            Some((name.to_owned(), record.at))
        };
        let mut times: Vec<_> = names.into_iter().filter_map(time).collect();
        // Those from the future are the oldest: they were written before the clock was set back.
        let now = Timestamp::now();
        times.sort_by_key(|(_, at)| (*at <= now, *at));
        let numbered = times.into_iter().zip(0..);
        numbered
            .map(|((name, at), number)| (name, Written { at, number }))
            .collect()
    }

    fn directory(&self) -> Result<CheckedDirectory, PathError> {
        self.data_directory.own().make_directory(DIRECTORY)
    }
}

fn read(directory: &CheckedDirectory, name: &str) -> Result<Option<Record>, PathError> {
    let file = file_name(name);
    let refuse = |error| PathError::io("read", directory.path_of(&file))(error);
    let Some(text) = directory.read(&file, LONGEST)? else {
        return Ok(None);
    };
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

fn file_name(name: &str) -> String {
    format!("{name}.json")
}

/// Best effort: what is left expires.
fn remove(directory: &CheckedDirectory, name: &str) {
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
        let mut record = Record::new("fingerprint".to_owned(), "actor".to_owned());
        record.at -= SignedDuration::from_hours(hours);
        record
    }

    #[test]
    fn what_is_too_old_is_gone_and_its_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory);
        for (name, hours) in [("old", 25), ("recent", 23)] {
            first.keep(name, &aged(hours)).unwrap();
        }
        assert!(first.find("old").unwrap().is_none());
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
        let many = (1..MOST as u64).map(|number| (number.to_string(), Written { at: now, number }));
        locked(&store.times).as_mut().unwrap().extend(many);
        store.keep("newest", &aged(3)).unwrap();
        assert!(store.find("oldest").unwrap().is_none());
        assert!(store.find("newest").unwrap().is_some());
    }

    #[test]
    fn a_record_is_kept_while_the_clock_is_set_back_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory);
        for days in [2, 4000] {
            first.keep(&format!("{days}"), &aged(-24 * days)).unwrap();
        }
        drop(first);
        let second = store(&directory);
        second.keep("later", &aged(0)).unwrap();
        for name in ["2", "4000", "later"] {
            assert!(second.find(name).unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn records_from_the_future_never_push_out_later_ones() {
        let directory = tempfile::tempdir().unwrap();
        let first = store(&directory);
        first.keep("ahead", &aged(-48)).unwrap();
        first.keep("past", &aged(1)).unwrap();
        drop(first);
        let store = store(&directory);
        store.keep("first", &aged(0)).unwrap();
        let ahead = Timestamp::now() + SignedDuration::from_hours(48);
        {
            let mut times = locked(&store.times);
            let times = times.as_mut().unwrap();
            assert!(times["ahead"].number < times["past"].number);
            // As many as there may be, all written before the clock was set back.
            let many = 0..MOST as u64 - 1;
            times.extend(many.map(|number| {
                let written = Written {
                    at: ahead,
                    number: 0,
                };
                (format!("ahead-{number}"), written)
            }));
        }
        store.keep("second", &aged(0)).unwrap();
        store.keep("third", &aged(0)).unwrap();
        for name in ["first", "second", "third"] {
            assert!(store.find(name).unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_licence_to_do_it_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        store.keep("torn", &aged(0)).unwrap();
        let file = store.directory().unwrap().path_of("torn.json");
        std::fs::write(file, "{").unwrap();
        assert!(store.find("torn").is_err());
    }
}
