//! Which state may follow which, and how that is written down.

use std::sync::Arc;

use super::error::JournalError;
use super::file::{
    COMMITTED, LONGEST_BEGUN, NEW, PREPARED, read, remove, rename, rename_back, write,
};
use super::record::{JournalRecord, JournalState, Leftover};
use crate::data_directory::DataDirectory;
use crate::history::Kept;
use crate::reserve;
use crate::task::blocking;

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
        let mut written = self.write_prepared(&record).await;
        if let Err(error) = &written
            && error.is_for_lack_of_room()
            && self.give_up_reserve().await
        {
            written = self.write_prepared(&record).await;
        }
        written?;
        self.current = Some((JournalState::Prepared, record));
        self.is_commit_unsure = false;
        Ok(())
    }

    async fn write_prepared(&self, record: &JournalRecord) -> Result<(), JournalError> {
        let written = write(&self.data_directory, PREPARED, record, LONGEST_BEGUN).await;
        if written.is_err() {
            // It may be there all the same, and must not be taken for another one.
            let back = match &self.current {
                Some((JournalState::Prepared, earlier)) => {
                    rewrite(&self.data_directory, PREPARED, earlier).await
                }
                _ => self.remove(PREPARED).await,
            };
            if let Err(error) = back {
                tracing::warn!(error = crate::chain(&error), "after a failed beginning");
            }
        }
        written
    }

    /// A quota is not told in advance.
    async fn give_up_reserve(&self) -> bool {
        let data_directory = self.data_directory.clone();
        blocking(move || reserve::give_up(&data_directory)).await
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
        let Some(mut earlier) = self.record().cloned() else {
            return Ok(());
        };
        earlier.keep_earlier();
        if earlier.earlier == Leftover::default() {
            self.remove(COMMITTED).await?;
            self.remove(PREPARED).await?;
            self.current = None;
            return Ok(());
        }
        // The earlier one's file is there, unless this one's took its place without a trace.
        let there = read(&self.data_directory, COMMITTED)?;
        if there.is_none_or(|committed| committed.run == earlier.run) {
            rewrite(&self.data_directory, COMMITTED, &earlier).await?;
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
        record.keep(leftover);
        if ended {
            self.remove(COMMITTED).await?;
            self.current = None;
            return Ok(());
        }
        rewrite(&self.data_directory, COMMITTED, record).await
    }

    /// Writes down what the history is to say of this reset, now that its staged files are
    /// counted, and may be unlinked.
    pub(crate) async fn counted(&mut self, kept: Option<&Kept>) -> Result<(), JournalError> {
        let Some((state, record)) = &mut self.current else {
            return Ok(());
        };
        record.counted(kept);
        let name = match state {
            JournalState::Committed => COMMITTED,
            _ => PREPARED,
        };
        rewrite(&self.data_directory, name, record).await
    }

    /// Writes down what is left to do of a commit that could not be written down itself.
    pub(crate) async fn keep(&mut self, leftover: Leftover) -> Result<(), JournalError> {
        let Some((JournalState::Prepared, record)) = &mut self.current else {
            return Ok(());
        };
        record.keep_unwritten(leftover);
        rewrite(&self.data_directory, PREPARED, record).await
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

    async fn remove(&self, name: &'static str) -> Result<(), JournalError> {
        let data_directory = self.data_directory.clone();
        Ok(blocking(move || remove(&data_directory, name)).await?)
    }
}

/// Replaces the file of a reset that has begun, and is written down however it has grown.
async fn rewrite(
    data_directory: &Arc<DataDirectory>,
    name: &'static str,
    record: &JournalRecord,
) -> Result<(), JournalError> {
    write(data_directory, name, record, usize::MAX).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;
    use crate::history::HistoryEntry;
    use crate::relative_path::RelativePath;
    use crate::selection::Selection;
    use crate::staging::Slot;

    fn record() -> JournalRecord {
        let media = Slot {
            path: RelativePath::new("media").unwrap(),
            stays: false,
        };
        let steps = BTreeMap::from([("media".into(), Vec::new())]);
        let entry = HistoryEntry::begun(Uuid::now_v7(), None, Some(Selection::all()));
        JournalRecord::new(&Kept::from(entry), None, vec![media], steps, true)
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
        let json = |record: &JournalRecord| serde_json::to_value(record).unwrap();
        assert_eq!(json(journal.record().unwrap()), json(&record));
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
        assert_eq!(
            left.forget,
            BTreeMap::from([("media".to_owned(), Vec::new())])
        );
    }

    #[tokio::test]
    async fn illegal_moves_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(&directory);
        let illegal = |result| assert!(matches!(result, Err(JournalError::Transition { .. })));
        illegal(journal.commit().await);
        illegal(journal.abort().await);
    }
}
