//! The durable record from which an interrupted reset is finished or undone.
//!
//! How far a reset is stands in the *name* of the file, so that the step from `prepared` to
//! `committed` is one rename, which needs no free block on a full disk.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::data_directory::{DataDirectory, Entry, PathError, replace};
use crate::history::HistoryEntry;
use crate::registry::StepRegistration;
use crate::relative_path::RelativePath;
use crate::task::blocking;

const PREPARED: &str = "journal.prepared.json";
const COMMITTED: &str = "journal.committed.json";
const NEW: &str = "journal.new.json";
const VERSION: u32 = 2;

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("could not use the journal")]
    Path(#[from] PathError),
    /// It is not what this crate writes.
    #[error(
        "could not read the journal `{path}`: restore the data directory from a backup, or move \
         the file away after checking which of its paths are where"
    )]
    Format {
        /// The journal.
        path: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another version of this crate wrote it.
    #[error(
        "the journal `{path}` has version {found}, this program knows {VERSION}: \
         start the version that wrote it once, so that it ends the interrupted reset"
    )]
    Version {
        /// The journal.
        path: String,
        /// Its version.
        found: u32,
    },
    /// The reset is not in the state that the transition starts from.
    #[error("a reset that is {from:?} cannot become {to:?}: please report this")]
    Transition {
        /// The state it is in.
        from: Option<JournalState>,
        /// The state that was asked for.
        to: JournalState,
    },
    /// Another reset of this data directory runs on another database.
    #[error(
        "the interrupted reset belongs to the database `{recorded}`, this host has `{actual}`: \
         start it once with the former"
    )]
    OtherDatabase {
        /// The database in the journal.
        recorded: String,
        /// The host's.
        actual: String,
    },
}

impl JournalError {
    /// Whether there was no free block for it.
    pub(crate) fn is_for_lack_of_room(&self) -> bool {
        let Self::Path(PathError::Io { source, .. }) = self else {
            return false;
        };
        matches!(
            source.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    }
}

/// How far a reset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalState {
    /// Paths may be staged; the database decides what becomes of them.
    Prepared,
    /// The commit stands: what is staged goes, and the Forget phase runs.
    Committed,
    /// Everything is as it was, or all of it is gone; the journal is removed.
    Ended,
}

/// What the journal says of a reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JournalRecord {
    version: u32,
    pub(crate) run: Uuid,
    /// The database that carries the commit record; none when the journal itself does.
    pub(crate) database: Option<String>,
    /// The paths that may be staged; a path's place in this list is its slot.
    pub(crate) paths: Vec<RelativePath>,
    /// The ids of the selected steps.
    steps: Vec<String>,
    /// Whether rows go.
    rows: bool,
    /// What earlier resets could not finish.
    earlier: Leftover,
    /// Whether the staged paths have been looked at again after the commit, so that what is
    /// there by now is there to stay.
    swept: bool,
    /// What the history is to say if the reset is interrupted after its commit: no more than
    /// text to the journal, so that it never keeps a reset from being ended.
    entry: Value,
}

/// What is left to do after a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    /// The ids of the steps that have to forget.
    pub(crate) forget: BTreeSet<String>,
    /// The runs whose staging areas have to be purged.
    pub(crate) purge: Vec<Uuid>,
    /// Whether the database has to give freed pages back.
    pub(crate) reclaim: bool,
}

impl Leftover {
    /// Whether `step` has still to forget.
    pub(crate) fn forgets(&self, step: &StepRegistration) -> bool {
        self.forget.contains(step.descriptor.id.as_str())
    }
}

impl JournalRecord {
    /// A record of a reset that is about to begin.
    pub(crate) fn new(
        entry: &HistoryEntry,
        database: Option<String>,
        paths: Vec<RelativePath>,
        steps: Vec<String>,
        rows: bool,
    ) -> Self {
        Self {
            version: VERSION,
            run: entry.id,
            database,
            paths,
            steps,
            rows,
            earlier: Leftover::default(),
            swept: false,
            entry: serde_json::to_value(entry).unwrap_or_default(),
        }
    }

    /// What the history is to say of this reset; nothing where only earlier ones have left
    /// something.
    pub(crate) fn entry(&self) -> Option<HistoryEntry> {
        if self.entry.is_null() {
            return None;
        }
        let entry = serde_json::from_value(self.entry.clone());
        entry
            .inspect_err(|error| {
                let run = self.run;
                tracing::warn!(%run, %error, "the history cannot tell of this run");
            })
            .ok()
    }

    /// The paths at which a writer may have put something during the reset.
    pub(crate) fn unswept(&self) -> &[RelativePath] {
        if self.swept { &[] } else { &self.paths }
    }

    /// What there is to do once this reset is committed, with what earlier ones have left.
    pub(crate) fn leftover(&self) -> Leftover {
        let mut leftover = self.earlier.clone();
        leftover.forget.extend(self.steps.iter().cloned());
        if !leftover.purge.contains(&self.run) {
            leftover.purge.push(self.run);
        }
        leftover.reclaim |= self.rows;
        leftover
    }

    /// A record of nothing but what earlier resets have left.
    fn of_earlier(&self) -> Self {
        Self {
            entry: Value::Null,
            ..self.of_leftover(self.earlier.clone())
        }
    }

    /// A record of nothing but `earlier`.
    fn of_leftover(&self, earlier: Leftover) -> Self {
        Self {
            paths: Vec::new(),
            steps: Vec::new(),
            rows: false,
            earlier,
            ..self.clone()
        }
    }
}

/// The journal of a data directory.
#[derive(Debug)]
pub(crate) struct Journal {
    data_directory: Arc<DataDirectory>,
    current: Option<(JournalState, JournalRecord)>,
    /// Whether writing down a commit has failed, perhaps after it had reached the disk.
    is_commit_unsure: bool,
}

impl Journal {
    /// Reads the journal, if an interrupted reset has left one. Blocks.
    pub(crate) fn open(data_directory: Arc<DataDirectory>) -> Result<Self, JournalError> {
        // Half-written by a crash: as if it had never begun.
        remove(&data_directory, NEW)?;
        // While a reset is prepared, its file carries what an earlier committed one says.
        let current = match read(&data_directory, PREPARED)? {
            Some(record) => Some((JournalState::Prepared, record)),
            None => {
                read(&data_directory, COMMITTED)?.map(|record| (JournalState::Committed, record))
            }
        };
        Ok(Self {
            data_directory,
            current,
            is_commit_unsure: false,
        })
    }

    /// How far the reset is that it tells of, if there is one to finish or undo.
    pub(crate) fn state(&self) -> Option<JournalState> {
        self.current.as_ref().map(|(state, _)| *state)
    }

    /// What it says of it.
    pub(crate) fn record(&self) -> Option<&JournalRecord> {
        self.current.as_ref().map(|(_, record)| record)
    }

    /// Writes down that the reset in `record` begins. What a committed one has left is carried
    /// along, and its own file stays until this one is committed: to give this one up is to
    /// remove a file, which a full disk permits.
    pub(crate) async fn begin(&mut self, mut record: JournalRecord) -> Result<(), JournalError> {
        self.check(JournalState::Prepared)?;
        // A committed one, even if that could not be written down: an undecided one is ended
        // before the next begins.
        if let Some((_, earlier)) = &self.current {
            record.earlier = earlier.leftover();
        }
        if let Err(error) = self.write(PREPARED, record.clone()).await {
            // It may be there all the same, and must not be taken for another one.
            let back = match self.current.clone() {
                Some((JournalState::Prepared, earlier)) => self.write(PREPARED, earlier).await,
                _ => self.remove(PREPARED).await,
            };
            if let Err(error) = back {
                tracing::warn!(error = crate::chain(&error), "after a failed beginning");
            }
            return Err(error);
        }
        self.current = Some((JournalState::Prepared, record));
        self.is_commit_unsure = false;
        Ok(())
    }

    /// Writes down that the commit stands.
    pub(crate) async fn commit(&mut self) -> Result<(), JournalError> {
        self.check(JournalState::Committed)?;
        if let Some((state @ JournalState::Prepared, _)) = &mut self.current {
            self.is_commit_unsure = true;
            rename(&self.data_directory, PREPARED, COMMITTED).await?;
            self.is_commit_unsure = false;
            *state = JournalState::Committed;
        }
        Ok(())
    }

    /// Makes sure that it says `prepared`, after a commit of which nobody knows whether it
    /// has reached the disk.
    pub(crate) async fn prepare_again(&mut self) -> Result<(), JournalError> {
        self.check(JournalState::Prepared)?;
        if self.is_commit_unsure {
            let data_directory = self.data_directory.clone();
            blocking(move || rename_back(&data_directory)).await?;
            self.is_commit_unsure = false;
        }
        Ok(())
    }

    /// Writes down that the reset is undone: what an earlier one has left is to be done again.
    pub(crate) async fn abort(&mut self) -> Result<(), JournalError> {
        self.check(JournalState::Ended)?;
        let Some(record) = self.record().cloned() else {
            return Ok(());
        };
        let earlier = record.of_earlier();
        if earlier.earlier == Leftover::default() {
            self.remove(COMMITTED).await?;
            self.remove(PREPARED).await?;
            self.current = None;
            return Ok(());
        }
        // The earlier one's file is there, unless this one's took its place without a trace.
        let there = read(&self.data_directory, COMMITTED)?;
        if there.is_none_or(|committed| committed.run == record.run) {
            self.write(COMMITTED, earlier.clone()).await?;
        }
        self.remove(PREPARED).await?;
        self.current = Some((JournalState::Committed, earlier));
        Ok(())
    }

    /// Writes down what is left to do after a commit; with nothing left the journal goes.
    pub(crate) async fn settle(&mut self, leftover: Leftover) -> Result<(), JournalError> {
        self.check(JournalState::Ended)?;
        let Some((JournalState::Committed, record)) = &mut self.current else {
            return Ok(());
        };
        let ended = leftover == Leftover::default();
        // What is finished is finished, also when that cannot be written down.
        *record = record.of_leftover(leftover);
        let settled = record.clone();
        if ended {
            self.remove(COMMITTED).await?;
            self.current = None;
            return Ok(());
        }
        self.write(COMMITTED, settled).await
    }

    /// Writes down what is left to do of a commit that could not be written down itself.
    pub(crate) async fn keep(&mut self, leftover: Leftover) -> Result<(), JournalError> {
        let Some((JournalState::Prepared, record)) = &mut self.current else {
            return Ok(());
        };
        let paths = std::mem::take(&mut record.paths);
        *record = JournalRecord {
            paths,
            swept: true,
            ..record.of_leftover(leftover)
        };
        let record = record.clone();
        self.write(PREPARED, record).await
    }

    /// The one place that says which state may follow which.
    fn check(&self, to: JournalState) -> Result<(), JournalError> {
        use JournalState::{Committed, Ended, Prepared};

        match (self.state(), to) {
            // A committed reset that is not quite finished keeps nobody from the next one.
            (None | Some(Prepared | Committed), Prepared)
            | (Some(Prepared | Committed), Committed | Ended) => Ok(()),
            (from, to) => Err(JournalError::Transition { from, to }),
        }
    }

    async fn write(&self, name: &'static str, record: JournalRecord) -> Result<(), JournalError> {
        let data_directory = self.data_directory.clone();
        blocking(move || write(&data_directory, name, &record)).await
    }

    async fn remove(&self, name: &'static str) -> Result<(), JournalError> {
        let data_directory = self.data_directory.clone();
        Ok(blocking(move || remove(&data_directory, name)).await?)
    }
}

fn write(
    data_directory: &DataDirectory,
    name: &str,
    record: &JournalRecord,
) -> Result<(), JournalError> {
    let path = data_directory.own_path(name);
    let mut text = serde_json::to_vec_pretty(record).map_err(|source| JournalError::Format {
        path: path.display().to_string(),
        source,
    })?;
    text.push(b'\n');
    Ok(replace(data_directory.own(), NEW, name, &path, &text)?)
}

async fn rename(
    data_directory: &Arc<DataDirectory>,
    from: &'static str,
    to: &'static str,
) -> Result<(), PathError> {
    let data_directory = data_directory.clone();
    blocking(move || {
        let own = data_directory.own();
        match renameat(own, from, own, to) {
            // Renamed before, and the error came after that.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(refuse(&data_directory, from, "rename")(error)),
        }
        fsync(own).map_err(refuse(&data_directory, to, "sync the directory of"))
    })
    .await
}

/// Makes the file of a commit that could not be written down one of a reset that is prepared.
fn rename_back(data_directory: &DataDirectory) -> Result<(), PathError> {
    let own = data_directory.own();
    match Entry::look(own, OsStr::new(PREPARED)) {
        // Then the other file is of an earlier reset, if there is any.
        Ok(_) => {}
        Err(Errno::NOENT) => renameat(own, COMMITTED, own, PREPARED).map_err(refuse(
            data_directory,
            COMMITTED,
            "rename",
        ))?,
        Err(error) => return Err(refuse(data_directory, PREPARED, "look at")(error)),
    }
    fsync(own).map_err(refuse(data_directory, PREPARED, "sync the directory of"))
}

fn remove(data_directory: &DataDirectory, name: &str) -> Result<(), PathError> {
    match unlinkat(data_directory.own(), name, AtFlags::empty()) {
        Ok(()) => fsync(data_directory.own()).map_err(refuse(
            data_directory,
            name,
            "sync the directory of",
        )),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(refuse(data_directory, name, "remove")(error)),
    }
}

fn refuse<E: Into<std::io::Error>>(
    data_directory: &DataDirectory,
    name: &str,
    action: &'static str,
) -> impl FnOnce(E) -> PathError + use<E> {
    PathError::io(action, data_directory.own_path(name))
}

fn read(data_directory: &DataDirectory, name: &str) -> Result<Option<JournalRecord>, JournalError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(data_directory.own(), name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(refuse(data_directory, name, "open")(error).into()),
    };
    let mut text = String::new();
    File::from(file)
        .read_to_string(&mut text)
        .map_err(refuse(data_directory, name, "read"))?;
    let path = data_directory.own_path(name).display().to_string();
    parse(&text, &path).map(Some)
}

fn parse(text: &str, path: &str) -> Result<JournalRecord, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let format = |source| JournalError::Format {
        path: path.to_owned(),
        source,
    };
    let Version { version } = serde_json::from_str(text).map_err(format)?;
    if version != VERSION {
        return Err(JournalError::Version {
            path: path.to_owned(),
            found: version,
        });
    }
    serde_json::from_str(text).map_err(format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Selection;

    fn record() -> JournalRecord {
        let media = RelativePath::new("media").unwrap();
        let steps = vec!["media".into()];
        let entry = HistoryEntry::begun(Uuid::now_v7(), None, Some(Selection::all()));
        JournalRecord::new(&entry, None, vec![media], steps, true)
    }

    fn open(directory: &tempfile::TempDir) -> Journal {
        let data_directory = Arc::new(DataDirectory::open(directory.path()).unwrap());
        Journal::open(data_directory).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        let record = record();
        journal.begin(record.clone()).await.unwrap();
        drop(journal);
        let mut journal = open(&directory);
        assert_eq!(journal.state(), Some(JournalState::Prepared));
        assert_eq!(journal.record(), Some(&record));
        journal.commit().await.unwrap();
        drop(journal);
        let mut journal = open(&directory);
        assert_eq!(journal.state(), Some(JournalState::Committed));
        journal.settle(Leftover::default()).await.unwrap();
        drop(journal);
        assert!(open(&directory).record().is_none());
    }

    #[tokio::test]
    async fn what_is_left_is_carried_through_later_resets_whatever_becomes_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        let first = record();
        journal.begin(first.clone()).await.unwrap();
        journal.commit().await.unwrap();
        let left = first.leftover();
        assert_eq!(left.purge, [first.run]);
        journal.settle(left.clone()).await.unwrap();

        journal.begin(record()).await.unwrap();
        journal.abort().await.unwrap();
        drop(journal);
        let mut journal = open(&directory);
        assert_eq!(journal.state(), Some(JournalState::Committed));
        assert!(
            journal
                .record()
                .unwrap()
                .leftover()
                .purge
                .contains(&first.run)
        );

        let third = record();
        journal.begin(third.clone()).await.unwrap();
        journal.commit().await.unwrap();
        let left = journal.record().unwrap().leftover();
        assert!(left.purge.contains(&first.run) && left.purge.contains(&third.run));
        assert_eq!(left.forget, BTreeSet::from(["media".to_owned()]));
    }

    #[tokio::test]
    async fn illegal_moves_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        let illegal = |result| assert!(matches!(result, Err(JournalError::Transition { .. })));
        illegal(journal.commit().await);
        illegal(journal.abort().await);
    }

    #[test]
    fn a_later_version_is_refused_whatever_else_it_holds() {
        let error = parse(r#"{"version": 3, "shape": "unknown"}"#, "journal").unwrap_err();
        assert!(matches!(error, JournalError::Version { found: 3, .. }));
    }
}
