//! The runs of the past: who, when, what was asked, what came of it. Kept in
//! `.factory-reset/history/`, one file a run, and so through every reset.

mod entry;
mod kept;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use entry::{Action, HistoryEntry, RunOutcome};
pub(crate) use kept::Kept;
use rustix::fs::{AtFlags, unlinkat};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_directory::{CheckedDirectory, DataDirectory, PathError};
use crate::error::chain;
use crate::report::{self, Pending};

const DIRECTORY: &str = "history";
const ASIDE: &str = "new.json";
const VERSION: u32 = 1;

/// How many runs are kept. When there are more, the oldest refused one goes, or the oldest.
const MOST: usize = 200;

/// How much of the file of one run is read, in bytes: as much as a journal may have when its
/// reset begins, because that holds the same report.
const LONGEST: u64 = 16 * 1024 * 1024;

/// How much of all files together is read, in bytes, because it stays in memory.
const LONGEST_OF_ALL: usize = 64 * 1024 * 1024;

/// As it stands in its file.
#[derive(Serialize, Deserialize)]
struct Stored<Entry> {
    version: u32,
    #[serde(flatten)]
    entry: Entry,
}

/// The history of a data directory.
#[derive(Debug)]
pub(crate) struct History {
    data_directory: Arc<DataDirectory>,
    /// In the order of their numbers.
    entries: Mutex<Vec<Arc<Kept>>>,
    /// Held while files are written, so that whoever reads the entries waits for no disk.
    writing: Mutex<()>,
}

impl History {
    /// Reads what there is. A history that cannot be read keeps nobody from starting. Blocks.
    pub(crate) fn open(data_directory: Arc<DataDirectory>) -> Self {
        let mut entries = load(&data_directory).unwrap_or_else(|error| {
            tracing::warn!(error = crate::chain(&error), "the history cannot be read");
            Vec::new()
        });
        entries.sort_by_key(|entry| entry.number);
        let entries = entries.into_iter().map(|entry| Arc::new(entry.into()));
        Self {
            data_directory,
            entries: Mutex::new(entries.collect()),
            writing: Mutex::default(),
        }
    }

    /// All of them without their reports, the newest first.
    pub(crate) fn all(&self) -> Vec<HistoryEntry> {
        let entries = self.entries();
        let newest_first = entries.iter().rev();
        newest_first.map(|kept| kept.entry.clone()).collect()
    }

    /// One of them.
    pub(crate) fn find(&self, run: Uuid) -> Option<HistoryEntry> {
        let is_wanted = |kept: &&Arc<Kept>| kept.entry.id == run;
        let kept = self.entries().iter().find(is_wanted).cloned();
        kept.map(|kept| kept.whole())
    }

    /// Adds `entry`, or replaces the one of the same run. It is in memory even when it could
    /// not be written down. Blocks.
    pub(crate) fn record(&self, mut kept: Kept) -> Result<(), PathError> {
        let _writing = self.writing();
        let mut entries = self.entries();
        let is_known = |known: &Arc<Kept>| known.entry.id == kept.entry.id;
        let place = entries.iter().position(is_known);
        kept.entry.number = match place {
            Some(place) => entries[place].entry.number,
            None => entries
                .last()
                .map_or(1, |last| last.entry.number.saturating_add(1)),
        };
        let kept = Arc::new(kept);
        match place {
            Some(place) => entries[place] = kept.clone(),
            None => entries.push(kept.clone()),
        }
        let mut gone = Vec::new();
        while entries.len() > MOST {
            let refused = |kept: &Arc<Kept>| kept.entry.outcome == RunOutcome::Refused;
            // This one is kept in any case.
            let earlier = &entries[..entries.len() - 1];
            let oldest = earlier.iter().position(refused).unwrap_or_default();
            gone.push(entries.remove(oldest).entry.id);
        }
        drop(entries);
        gone.into_iter().for_each(|run| self.remove(run));
        self.write(&kept)
    }

    /// Says of a run that was interrupted, as the journal tells of it in `entry`, how it has
    /// ended now.
    pub(crate) fn end(
        &self,
        mut entry: HistoryEntry,
        outcome: RunOutcome,
        pending: &[Pending],
    ) -> Result<(), PathError> {
        let known = self.find(entry.id);
        if known.as_ref().is_none_or(|known| known.outcome != outcome) {
            entry.recovered = true;
            entry.outcome = outcome;
            if outcome == RunOutcome::Failed {
                // What the plan said has not come about.
                entry.report = None;
                entry.error = Some("interrupted before its commit, and undone later".to_owned());
            }
            if let Some(known) = known {
                entry.duration_ms = known.duration_ms;
                entry.report = entry.report.or(known.report);
                entry.error = known
                    .error
                    .filter(|_| outcome == RunOutcome::Failed)
                    .or(entry.error);
            }
        } else if let Some(known) = known {
            if known.pending == pending {
                return Ok(());
            }
            entry = known;
        }
        entry.pending = pending.to_vec();
        if pending.is_empty()
            && let Some(report) = &mut entry.report
        {
            report::nothing_is_pending(report);
        }
        self.record(entry.into())
    }

    /// Writes down that nothing is pending any more of any run. Blocks.
    pub(crate) fn nothing_is_pending(&self) {
        let pending = |kept: &&Arc<Kept>| kept.entry.pending.iter().any(Pending::is_retried);
        let entries: Vec<_> = self.entries().iter().filter(pending).cloned().collect();
        for kept in entries {
            let mut entry = kept.whole();
            entry.pending.retain(|pending| !pending.is_retried());
            if let Some(report) = &mut entry.report {
                report::nothing_is_pending(report);
            }
            let run = entry.id;
            if let Err(error) = self.record(entry.into()) {
                tracing::warn!(%run, error = chain(&error), "could not write the history");
            }
        }
    }

    /// Says of a run whose tasks did not run again that they do so now.
    pub(crate) fn resumed(&self, run: Uuid) -> Result<(), PathError> {
        match self.find(run) {
            Some(mut entry) if entry.outcome == RunOutcome::NotUndone => {
                entry.outcome = RunOutcome::Failed;
                entry.recovered = true;
                self.record(entry.into())
            }
            _ => Ok(()),
        }
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn entries(&self) -> MutexGuard<'_, Vec<Arc<Kept>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, kept: &Kept) -> Result<(), PathError> {
        let directory = self.directory()?;
        let name = file_name(kept.entry.id);
        let stored = Stored {
            version: VERSION,
            entry: kept,
        };
        let mut text = serde_json::to_vec_pretty(&stored).map_err(|error| {
            PathError::io("write", directory.path_of(&name))(std::io::Error::from(error))
        })?;
        text.push(b'\n');
        directory.replace(ASIDE, &name, &text)
    }

    /// Best effort: what is left is one entry too many at the next start.
    fn remove(&self, run: Uuid) {
        if let Ok(directory) = self.directory() {
            let _ = unlinkat(directory, file_name(run), AtFlags::empty());
        }
    }

    /// Opens the directory, and makes it when there is none yet.
    fn directory(&self) -> Result<CheckedDirectory, PathError> {
        self.data_directory.own().make_directory(DIRECTORY)
    }
}

fn file_name(run: Uuid) -> String {
    format!("{run}.json")
}

fn load(data_directory: &DataDirectory) -> Result<Vec<HistoryEntry>, PathError> {
    let Some(directory) = data_directory.own().directory(DIRECTORY)? else {
        return Ok(Vec::new());
    };
    let mut names = directory.names()?;
    names.retain(|name| name.ends_with(".json") && name != ASIDE);
    // The names begin with a time. Where there is too much, the newest runs are read.
    names.sort_by(|one, other| other.cmp(one));
    let mut left = LONGEST_OF_ALL;
    let mut entries = Vec::new();
    for name in names {
        let path = directory.path_of(&name);
        let read = match directory.read(&name, LONGEST) {
            Ok(Some(text)) if text.len() > left => {
                tracing::warn!(
                    path = %path.display(),
                    "the history has more than {LONGEST_OF_ALL} bytes: the rest is left out"
                );
                break;
            }
            Ok(Some(text)) => {
                left -= text.len();
                parse(&text).map_err(|error| error.to_string())
            }
            Ok(None) => continue,
            Err(error) => Err(chain(&error)),
        };
        match read {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                tracing::warn!(path = ?path, error, "left out of the history");
            }
        }
    }
    Ok(entries)
}

fn parse(text: &[u8]) -> std::io::Result<HistoryEntry> {
    let stored: Stored<HistoryEntry> = serde_json::from_slice(text)?;
    if stored.version != VERSION {
        return Err(std::io::Error::other(format!(
            "it has version {}, this program knows {VERSION}",
            stored.version
        )));
    }
    Ok(stored.entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Selection;

    fn entry(outcome: RunOutcome) -> HistoryEntry {
        HistoryEntry {
            outcome,
            ..HistoryEntry::begun(Uuid::now_v7(), None, Some(Selection::all()))
        }
    }

    fn open(directory: &tempfile::TempDir) -> History {
        History::open(Arc::new(DataDirectory::open(directory.path()).unwrap()))
    }

    #[test]
    fn what_is_recorded_is_read_again_in_its_order() {
        let directory = tempfile::tempdir().unwrap();
        let history = open(&directory);
        let entries = [RunOutcome::Completed, RunOutcome::Failed].map(entry);
        for entry in &entries {
            history.record(entry.clone().into()).unwrap();
        }
        let all = history.all();
        drop(history);
        assert_eq!(all, open(&directory).all());
        let ids: Vec<_> = all.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [entries[1].id, entries[0].id]);
    }

    #[test]
    fn a_run_is_recorded_once_and_keeps_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let history = open(&directory);
        let mut first = entry(RunOutcome::Undecided);
        history.record(first.clone().into()).unwrap();
        history.record(entry(RunOutcome::Refused).into()).unwrap();
        first.outcome = RunOutcome::Completed;
        history.record(first.clone().into()).unwrap();
        let found = history.find(first.id).unwrap();
        assert_eq!((found.outcome, found.number), (RunOutcome::Completed, 1));
        assert_eq!(history.all().len(), 2);
    }

    #[test]
    fn refused_runs_do_not_push_out_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let history = open(&directory);
        let kept = entry(RunOutcome::Completed);
        history.record(kept.clone().into()).unwrap();
        for _ in 0..MOST + 5 {
            history.record(entry(RunOutcome::Refused).into()).unwrap();
        }
        assert!(history.find(kept.id).is_some());
        for _ in 0..MOST {
            history.record(entry(RunOutcome::Completed).into()).unwrap();
        }
        let refused = entry(RunOutcome::Refused);
        history.record(refused.clone().into()).unwrap();
        assert!(history.find(refused.id).is_some(), "the newest is kept");
        drop(history);
        assert_eq!(open(&directory).all().len(), MOST);
    }

    #[test]
    fn what_is_no_entry_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let history = open(&directory);
        history.record(entry(RunOutcome::Completed).into()).unwrap();
        let folder = directory.path().join(".factory-reset/history");
        std::fs::write(folder.join("half.json"), "{\"version\"").unwrap();
        drop(history);
        assert_eq!(open(&directory).all().len(), 1);
    }
}
