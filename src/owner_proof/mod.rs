//! Whether the owner of the service has proven that the data of earlier owners is theirs.
//!
//! A reset that clears what the owner signs in with leaves the service to the first visitor who
//! claims it. Backups and history outlive the reset, so they are withheld from then on until
//! somebody proves knowledge of a credential that outlives the reset as well: the host's own (a
//! bearer token), or a [`SetupToken`] that was issued before the reset.
//!
//! The state lies in `.factory-reset/owner.json`. A run that hands the service over writes the
//! state after it beside that file *before* its commit; the commit renames it into place, and an
//! undone run removes it. So a setup token is inert until the commit, a crash at any point is
//! decided by the outcome of the run, and the step to the new state needs no free block.

mod error;
mod record;
mod store;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use error::ProofError;
use jiff::Timestamp;
use record::Record;
pub(crate) use record::StoredToken;
use store::Store;
pub use token::SetupToken;
use uuid::Uuid;

use crate::data_directory::{DataDirectory, PathError};
use crate::error::chain;
use crate::task::blocking;

/// Whether the owner has proven knowledge of a credential that outlives resets. Cheap to clone; all
/// clones are the same. See [`Engine::owner_proof`](crate::Engine::owner_proof).
#[derive(Debug, Clone)]
pub struct OwnerProof {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    state: Mutex<State>,
    /// Held from the decision on a new state until it is written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    current: Record,
    /// The state after the run under way, if that hands the service over.
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    /// The run that decides; nil where the file cannot be read.
    run: Uuid,
    record: Record,
    /// Whether the run is committed, and only the file has still to be renamed.
    is_committed: bool,
}

impl OwnerProof {
    /// Reads the state. One that cannot be read counts as unproven, because the other reading would
    /// give the data of earlier owners away. Blocks.
    pub(crate) fn open(data_directory: Arc<DataDirectory>) -> Self {
        let store = Store::new(data_directory);
        let current = store.read_current().unwrap_or_else(|error| {
            tracing::error!(
                error = chain(&error),
                "backups and history are withheld until the owner proves to be the owner"
            );
            Record::unproven(Uuid::nil(), None)
        });
        let next = store.read_next().unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "the run that it is of is not known");
            Some(Record::unproven(Uuid::nil(), None))
        });
        let next = next.map(|record| Next {
            run: record.run().unwrap_or_default(),
            record,
            is_committed: false,
        });
        let state = State { current, next };
        Self {
            shared: Arc::new(Shared {
                store,
                state: Mutex::new(state),
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Whether a reset has handed the service over, and nobody has proven to be its owner since.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.missing_since().is_some()
    }

    /// Since when the proof is missing. What was recorded before belongs to an earlier owner.
    #[must_use]
    pub fn missing_since(&self) -> Option<Timestamp> {
        self.state().current.unproven_since()
    }

    /// Issues a setup token to a caller who has proven to be the owner. It is inert until a run that
    /// [carries it](crate::ResetRequest::setup_token) is committed. It replaces an earlier token of
    /// the same `actor` that is still inert, and expires after 24 hours.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes, or the token cannot be written.
    pub async fn issue(&self, actor: &str) -> Result<SetupToken, ProofError> {
        let _writing = self.shared.writing.lock().await;
        let token = SetupToken::generate()?;
        let mut record = self.state().current.clone();
        record.add(StoredToken::new(&token, actor));
        self.write(record).await?;
        Ok(token)
    }

    /// Checks whether [`prove`](Self::prove) would accept `token` now. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`ProofError::Token`] when it would not.
    pub fn check(&self, token: &str) -> Result<(), ProofError> {
        let is_active = self.state().current.is_active(&token::hash(token));
        is_active.then_some(()).ok_or(ProofError::Token)
    }

    /// Accepts an active setup token as the proof, and uses it up.
    ///
    /// # Errors
    ///
    /// [`ProofError::Token`] when the token is unknown, inert, used or expired; another error when
    /// the proof cannot be written. The token is still good then.
    pub async fn prove(&self, token: &str) -> Result<(), ProofError> {
        let _writing = self.shared.writing.lock().await;
        self.check(token)?;
        self.write_proven().await
    }

    /// Records that the host has verified a credential that outlives resets.
    ///
    /// # Errors
    ///
    /// When the proof cannot be written.
    pub async fn vouch(&self) -> Result<(), ProofError> {
        let _writing = self.shared.writing.lock().await;
        if !self.is_missing() {
            return Ok(());
        }
        self.write_proven().await
    }

    async fn write_proven(&self) -> Result<(), ProofError> {
        let mut record = self.state().current.clone();
        record.prove();
        self.write(record).await?;
        tracing::info!("the owner has proven to be the owner: backups and history are open again");
        Ok(())
    }

    /// The stored half of an inert `token`, for the run that carries it.
    pub(crate) fn find_inert(&self, token: &str) -> Result<StoredToken, ProofError> {
        let found = self.state().current.find_inert(&token::hash(token));
        found.ok_or(ProofError::Token)
    }

    /// Whether a host that knows its owner has used this data directory.
    pub(crate) fn is_in_use(&self) -> bool {
        self.state().current.is_in_use
    }

    /// Records that a host that knows its owner uses this data directory.
    pub(crate) async fn take_into_use(&self) {
        let _writing = self.shared.writing.lock().await;
        if self.is_in_use() {
            return;
        }
        let mut record = self.state().current.clone();
        record.is_in_use = true;
        if let Err(error) = self.write(record).await {
            // The host itself knows; only a program without its knowledge would not.
            tracing::warn!(error = chain(&error), "the owner could not be recorded");
        }
    }

    /// Writes down what holds once `run` is committed: the proof is missing, and `token` is active.
    /// Called before the commit.
    pub(crate) async fn prepare(
        &self,
        run: Uuid,
        token: Option<StoredToken>,
    ) -> Result<(), PathError> {
        let _writing = self.shared.writing.lock().await;
        let is_unwritten = {
            let state = self.state();
            let unwritten = state.next.as_ref().filter(|next| next.is_committed);
            unwritten.map(|_| state.current.clone())
        };
        if let Some(current) = is_unwritten {
            // Its file is about to be replaced: were this run undone, the disk would know less.
            self.write(current).await?;
        }
        let record = Record::unproven(run, token);
        self.state().next = Some(Next {
            run,
            record: record.clone(),
            is_committed: false,
        });
        let shared = self.shared.clone();
        blocking(move || shared.store.write_next(&record)).await
    }

    /// Puts into force what [`prepare`](Self::prepare) has written of the committed `run`. Nothing
    /// happens when there is nothing of it, or it is in force already.
    pub(crate) async fn commit(&self, run: Uuid) -> Result<(), PathError> {
        let _writing = self.shared.writing.lock().await;
        if !self.state().put_into_force(|next| next.run == run) {
            return Ok(());
        }
        self.rename_next().await
    }

    /// Drops what [`prepare`](Self::prepare) has written of the undone `run`.
    pub(crate) async fn undo(&self, run: Uuid) -> Result<(), PathError> {
        let _writing = self.shared.writing.lock().await;
        let is_its = |next: &Next| next.run == run && !next.is_committed;
        if !self.state().next.as_ref().is_some_and(is_its) {
            return Ok(());
        }
        self.remove_next().await
    }

    /// Puts into force what no journal tells of any more: whether that run was committed is not
    /// known, so the proof counts as missing. For a start, after the recovery.
    pub(crate) async fn settle(&self) {
        let _writing = self.shared.writing.lock().await;
        if !self.state().put_into_force(|_| true) {
            return;
        }
        tracing::error!(
            "a run has left a state whose outcome is not known: the owner has to prove"
        );
        if let Err(error) = self.rename_next().await {
            tracing::error!(error = chain(&error), "it could not be written down");
        }
    }

    async fn write(&self, record: Record) -> Result<(), PathError> {
        let (shared, written) = (self.shared.clone(), record.clone());
        blocking(move || shared.store.write_current(&written)).await?;
        let is_committed = |next: &Next| next.is_committed;
        let is_outdated = {
            let mut state = self.state();
            state.current = record;
            state.next.as_ref().is_some_and(is_committed)
        };
        if is_outdated {
            // What is written now is newer: renamed later, the file would bring the used token back.
            self.remove_next().await?;
        }
        Ok(())
    }

    async fn rename_next(&self) -> Result<(), PathError> {
        let shared = self.shared.clone();
        blocking(move || shared.store.rename_next()).await?;
        self.state().next = None;
        Ok(())
    }

    async fn remove_next(&self) -> Result<(), PathError> {
        let shared = self.shared.clone();
        blocking(move || shared.store.remove_next()).await?;
        self.state().next = None;
        Ok(())
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts the next state into force in memory, if there is one that `is_its`. Returns whether its
    /// file has to be renamed. In memory first: what cannot be written down holds all the same.
    fn put_into_force(&mut self, is_its: impl Fn(&Next) -> bool) -> bool {
        match &mut self.next {
            Some(next) if is_its(next) => {
                if !next.is_committed {
                    self.current = next.record.clone();
                }
                next.is_committed = true;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
