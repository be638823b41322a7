//! The durable record from which an interrupted reset is finished or undone.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_directory::{DataDirectory, PathError};
use crate::relative_path::RelativePath;
use crate::task::blocking;

const FILE: &str = "journal.json";
const NEW_FILE: &str = "journal.json.new";
const VERSION: u32 = 1;

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
    /// A later version of this crate wrote it.
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

/// How far a reset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JournalState {
    /// Paths may be staged; the database decides what becomes of them.
    Prepared,
    /// The commit stands: what is staged goes, and the Forget phase runs.
    Committed,
    /// The Forget phase has run, and must not run again: a service that is in use since has
    /// new things in memory. What is staged still goes.
    Forgotten,
    /// Everything is as it was, or all of it is gone; the journal is removed.
    Ended,
}

/// What the journal says of a reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JournalRecord {
    version: u32,
    pub(crate) run: Uuid,
    pub(crate) state: JournalState,
    /// The database that carries the commit record; none when the journal itself does.
    pub(crate) database: Option<String>,
    /// The paths that may be staged; a path's place in this list is its slot.
    pub(crate) paths: Vec<RelativePath>,
    /// The ids of the selected steps.
    pub(crate) steps: Vec<String>,
}

impl JournalRecord {
    /// A record of a reset that is about to begin.
    pub(crate) fn new(
        run: Uuid,
        database: Option<String>,
        paths: Vec<RelativePath>,
        steps: Vec<String>,
    ) -> Self {
        Self {
            version: VERSION,
            run,
            state: JournalState::Prepared,
            database,
            paths,
            steps,
        }
    }
}

/// The journal of a data directory.
#[derive(Debug)]
pub(crate) struct Journal {
    data_directory: Arc<DataDirectory>,
    record: Option<JournalRecord>,
}

impl Journal {
    /// Reads the journal, if an interrupted reset has left one.
    pub(crate) fn open(data_directory: Arc<DataDirectory>) -> Result<Self, JournalError> {
        let path = data_directory.own_path(FILE);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let record = match openat(data_directory.own(), FILE, flags, Mode::empty()) {
            Err(Errno::NOENT) => None,
            Err(error) => return Err(PathError::io("open", path)(error).into()),
            Ok(file) => {
                let mut text = String::new();
                File::from(file)
                    .read_to_string(&mut text)
                    .map_err(PathError::io("read", &path))?;
                Some(read(&text, &path.display().to_string())?)
            }
        };
        Ok(Self {
            data_directory,
            record,
        })
    }

    /// What it says, if there is a reset to finish or undo.
    pub(crate) fn record(&self) -> Option<&JournalRecord> {
        self.record.as_ref()
    }

    /// Writes down that the reset in `record` begins.
    pub(crate) async fn begin(&mut self, record: JournalRecord) -> Result<(), JournalError> {
        self.check(JournalState::Prepared)?;
        self.write(record).await
    }

    /// Writes down that the reset is now in state `to`.
    pub(crate) async fn advance(&mut self, to: JournalState) -> Result<(), JournalError> {
        self.check(to)?;
        match self.record.clone() {
            Some(record) => {
                self.write(JournalRecord {
                    state: to,
                    ..record
                })
                .await
            }
            None => Ok(()),
        }
    }

    /// Removes the journal: there is nothing more to do.
    pub(crate) async fn end(&mut self) -> Result<(), JournalError> {
        self.check(JournalState::Ended)?;
        let data_directory = self.data_directory.clone();
        blocking(move || remove(&data_directory)).await?;
        self.record = None;
        Ok(())
    }

    async fn write(&mut self, record: JournalRecord) -> Result<(), JournalError> {
        let (data_directory, written) = (self.data_directory.clone(), record.clone());
        blocking(move || write(&data_directory, &written)).await?;
        self.record = Some(record);
        Ok(())
    }

    /// The one place that says which state may follow which.
    fn check(&self, to: JournalState) -> Result<(), JournalError> {
        let from = self.record.as_ref().map(|record| record.state);
        match (from, to) {
            (None, JournalState::Prepared)
            // Said again: after an error nobody knows what the disk holds.
            | (Some(JournalState::Prepared), JournalState::Prepared)
            | (
                Some(JournalState::Prepared | JournalState::Committed),
                JournalState::Committed,
            )
            | (Some(JournalState::Committed), JournalState::Forgotten)
            | (Some(_), JournalState::Ended) => Ok(()),
            (from, to) => Err(JournalError::Transition { from, to }),
        }
    }
}

/// Replaces the file: written aside, synced, renamed, and the rename synced.
fn write(data_directory: &DataDirectory, record: &JournalRecord) -> Result<(), JournalError> {
    let own = data_directory.own();
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(own, NEW_FILE, flags, Mode::RUSR | Mode::WUSR)
        .map_err(refuse(data_directory, "write"))?;
    let mut file = File::from(file);
    let mut text = serde_json::to_vec_pretty(record).map_err(|source| JournalError::Format {
        path: data_directory.own_path(FILE).display().to_string(),
        source,
    })?;
    text.push(b'\n');
    file.write_all(&text)
        .map_err(refuse(data_directory, "write"))?;
    file.sync_all().map_err(refuse(data_directory, "sync"))?;
    renameat(own, NEW_FILE, own, FILE).map_err(refuse(data_directory, "replace"))?;
    fsync(own).map_err(refuse(data_directory, "sync the directory of"))?;
    Ok(())
}

fn remove(data_directory: &DataDirectory) -> Result<(), PathError> {
    match unlinkat(data_directory.own(), FILE, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(refuse(data_directory, "remove")(error)),
    }
    fsync(data_directory.own()).map_err(refuse(data_directory, "sync the directory of"))
}

fn refuse<E: Into<std::io::Error>>(
    data_directory: &DataDirectory,
    action: &'static str,
) -> impl FnOnce(E) -> PathError + use<E> {
    PathError::io(action, data_directory.own_path(FILE))
}

fn read(text: &str, path: &str) -> Result<JournalRecord, JournalError> {
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

    fn record() -> JournalRecord {
        let media = RelativePath::new("media").unwrap();
        JournalRecord::new(Uuid::now_v7(), None, vec![media], vec!["media".into()])
    }

    fn open(directory: &tempfile::TempDir) -> Journal {
        let data_directory = Arc::new(DataDirectory::open(directory.path()).unwrap());
        Journal::open(data_directory).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        journal.begin(record()).await.unwrap();
        journal.advance(JournalState::Committed).await.unwrap();
        let written = journal.record().cloned();
        drop(journal);
        let mut journal = open(&directory);
        assert_eq!(journal.record().cloned(), written);
        assert_eq!(written.unwrap().state, JournalState::Committed);
        journal.end().await.unwrap();
        drop(journal);
        assert!(open(&directory).record().is_none());
    }

    #[tokio::test]
    async fn illegal_moves_are_errors() {
        use JournalState::{Committed, Forgotten, Prepared};

        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        let illegal = |result| assert!(matches!(result, Err(JournalError::Transition { .. })));
        illegal(journal.advance(Committed).await);
        illegal(journal.end().await);
        journal.begin(record()).await.unwrap();
        illegal(journal.advance(Forgotten).await);
        journal.advance(Committed).await.unwrap();
        illegal(journal.advance(Prepared).await);
        illegal(journal.begin(record()).await);
    }

    #[test]
    fn a_later_version_is_refused_whatever_else_it_holds() {
        let error = read(r#"{"version": 2, "shape": "unknown"}"#, "journal.json").unwrap_err();
        assert!(matches!(error, JournalError::Version { found: 2, .. }));
    }
}
