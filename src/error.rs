//! What goes wrong, and what to do about it.

use std::time::Duration;

#[cfg(feature = "backup")]
use crate::backup::BackupError;
use crate::blocker::{self, Blocker};
#[cfg(feature = "backup")]
use crate::bundle::BundleError;
use crate::claims::ClaimError;
use crate::data_directory::PathError;
use crate::database::{DatabaseError, answer};
use crate::descriptor::StepId;
use crate::guard::Refusal;
use crate::history::RunOutcome;
use crate::journal::JournalError;
use crate::order::OrderError;
use crate::owner_proof::ProofError;
use crate::reference::{self, BrokenReference};
use crate::report::Report;
use crate::selection::SelectionError;

/// Why a step could not plan, apply, resume or forget.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The host does not offer what the step needs.
    #[error(
        "step `{step}` needs the resource `{resource}`: add `.resource({}…)` to the engine's \
         builder",
        short(resource)
    )]
    MissingResource {
        /// The step.
        step: StepId,
        /// The type.
        resource: &'static str,
    },
    /// The transaction and the staging area exist in the Erase phase alone.
    #[error(
        "the transaction and the staging area belong to the Erase phase: give the step that \
         phase, or implement its `apply`"
    )]
    NotErasing,
    /// A step plans to clear what it does not claim.
    #[error("it does not claim `{0}`: name it in the step's `claims`")]
    NotClaimed(String),
    /// The host has no database.
    #[error("the engine has no database: add `.database(…)` to its builder")]
    NoDatabase,
    /// The database refused.
    #[error("the database refused")]
    Database(#[from] DatabaseError),
    /// The file system refused.
    #[error("the file system refused")]
    Path(#[from] PathError),
    /// The bundle of a backup could not be written.
    #[cfg(feature = "backup")]
    #[error("could not write the backup")]
    Bundle(#[source] Box<BundleError>),
    /// A backup holds fewer or more rows than it says.
    #[cfg(feature = "backup")]
    #[error(
        "the backup holds {found} rows of table `{table}`, and says {expected}: restore another one"
    )]
    RowsMissing {
        /// The table.
        table: String,
        /// How many it says.
        expected: u64,
        /// How many there were.
        found: u64,
    },
    /// The step did not come to an end.
    #[error("it did not end within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The step panicked.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// Something of the step's own.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl StepError {
    /// An error of the step's own.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

/// The last component of a type's name.
pub(crate) fn short(type_name: &str) -> &str {
    type_name.rsplit("::").next().unwrap_or(type_name)
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no step at all.
    #[error(
        "no step is registered: a crate of steps that no code names is dropped by the linker, so \
         write `use factory_reset_steps as _;` (and the same for each crate of steps) in the host"
    )]
    NoSteps,
    /// A step that the host expects is not there.
    #[error(
        "step `{step}` is expected, but no crate registers it: write `use its_crate as _;` in the \
         host, for the linker drops a crate that no code names; there is: {known}"
    )]
    ExpectedStep {
        /// The id that the host expects.
        step: String,
        /// The ids that there are.
        known: String,
    },
    /// The host offers a resource that no step asks for.
    #[error(
        "no step uses the resource `{resource}`: link the crate of the step that does (`use \
         factory_reset_steps as _;`), name the resource in the step's `.requires::<{}>()`, or \
         drop `.resource(…)`",
        short(resource)
    )]
    UnusedResource {
        /// The type.
        resource: &'static str,
    },
    /// A step needs a resource that the host does not offer.
    #[error(
        "step `{step}` needs the resource `{resource}`: add `.resource({}…)` to the engine's \
         builder, or leave the step out with `.without(\"{step}\")`",
        short(resource)
    )]
    MissingResource {
        /// The step.
        step: StepId,
        /// The type.
        resource: &'static str,
    },
    /// A resource type was given twice.
    #[error("the resource `{resource}` is given twice: give each role a type of its own")]
    DuplicateResource {
        /// The type.
        resource: &'static str,
    },
    /// `without` names a step that is not there.
    #[error("`.without(\"{step}\")` names no step; there is: {known}")]
    UnknownWithout {
        /// The id that the host leaves out.
        step: String,
        /// The ids that there are.
        known: String,
    },
    /// A step accompanies one that is not there.
    #[error("step `{step}` accompanies `{other}`, which no crate registers: correct the id")]
    UnknownCompanion {
        /// The step.
        step: StepId,
        /// What it names.
        other: &'static str,
    },
    /// A step has an id that the framework uses itself.
    #[error("step `{0}` has an id that the framework uses itself: give it another one")]
    ReservedStep(StepId),
    /// `owner_step` names a step that is not there.
    #[error("`.owner_step(\"{step}\")` names no step of this engine; there is: {known}")]
    UnknownOwnerStep {
        /// The id that the host names.
        step: String,
        /// The ids that there are.
        known: String,
    },
    /// Two steps give one key of the `cleared` summary.
    #[error("steps `{first}` and `{second}` both give the key `{key}` of `cleared`: rename one")]
    DuplicateKey {
        /// The key.
        key: &'static str,
        /// One step.
        first: StepId,
        /// The other.
        second: StepId,
    },
    /// A step claims tables, and the engine has no database.
    #[error(
        "step `{0}` clears tables, but the engine has no database: add `.database(…)` to its \
         builder, or leave the step out with `.without(\"{0}\")`"
    )]
    NoDatabase(StepId),
    /// The host preserves a table that is not there: a slip of the pen would lose its rows.
    #[error(
        "`.preserve_table(\"{table}\", …)` names no table: correct the name, for a table that is \
         not preserved is cleared; there is: {known}"
    )]
    UnknownTable {
        /// The table that the host preserves.
        table: String,
        /// The tables that there are.
        known: String,
    },
    /// Something is declared ephemeral that no step claims.
    #[error(
        "`{name}` is declared ephemeral, but no step clears it: add it to what is cleared, or drop \
         the declaration"
    )]
    UnclaimedEphemeral {
        /// The table or path.
        name: String,
    },
    /// The host keeps rows, and the engine has no database.
    #[error("the rows `{0}` are to be kept, but the engine has no database: add `.database(…)`")]
    KeptRowsWithoutDatabase(String),
    /// Two sets of rows to keep have one name.
    #[error("two `.keep_rows(…)` are called `{0}`: rename one, or put their rows together")]
    DuplicateKeptRows(String),
    /// Rows to keep are of a table that is not there: a slip of the pen would lose them.
    #[error("`.keep_rows(…)` called `{name}` names the table `{table}`; there is: {known}")]
    UnknownKeptTable {
        /// The name of the rows.
        name: String,
        /// The table.
        table: String,
        /// The tables that there are.
        known: String,
    },
    /// The database could not be read.
    #[error("could not read the database")]
    Database(#[from] DatabaseError),
    /// A step claims something, and is not applied where that can be undone.
    #[error(
        "step `{0}` claims tables or paths, but is not of the Erase phase: describe it with \
         `Phase::Erase`, or drop its claims"
    )]
    ClaimOutsideErase(StepId),
    /// An empty phrase would confirm a reset that nobody has confirmed.
    #[error("the confirmation phrase is empty: give `.confirmation(…)` a phrase to type")]
    EmptyConfirmation,
    /// The builder has no data directory.
    #[error("the engine has no data directory: add `.data_dir(path)` to its builder")]
    NoDataDirectory,
    /// The steps have no order.
    #[error("the steps cannot be ordered")]
    Order(#[from] OrderError),
    /// The claims do not fit together.
    #[error("the claims of the steps do not fit together")]
    Claim(#[from] ClaimError),
    /// The data directory cannot be used.
    #[error("the data directory cannot be used")]
    Path(#[from] PathError),
    /// An interrupted reset could not be ended.
    #[error("an interrupted reset could not be ended, so the service must not start")]
    Recovery(#[from] RecoveryError),
}

/// Why an interrupted reset could not be finished or undone. Everything needed to try again
/// is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The journal cannot be used.
    #[error("could not go by the journal")]
    Journal(#[from] JournalError),
    /// The database could not be asked whether the reset was committed.
    #[error("could not ask the database whether the reset was committed")]
    Database(#[from] DatabaseError),
    /// What an undone reset had stopped does not run again.
    #[error("what had been stopped does not run again: {}", .0.join("; "))]
    NotResumed(Vec<String>),
    /// Files could not be moved back.
    #[error("could not put the files back")]
    Path(#[from] PathError),
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The selection names what is not there.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A step could not plan.
    #[error("step `{step}` could not tell what it would clear")]
    Step {
        /// The step.
        step: StepId,
        /// Why.
        source: StepError,
    },
    /// The database could not be read.
    #[error("could not read the database")]
    Database(#[from] DatabaseError),
    /// The data directory could not be read.
    #[error("could not read the data directory")]
    Path(#[from] PathError),
    /// Too many plans are made already.
    #[error("too many previews at a time: try again in a moment")]
    Busy,
}

/// Why a reset did not happen. Nothing is lost. After [`ResetError::Undecided`], and after
/// [`ResetError::NotUndone`] where files are not back in their place, the gate stays closed
/// until everything is put back, or finished: that is tried again in the background, by the next
/// reset, at the next start and by [`Engine::recover`](crate::Engine::recover).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// The phrase is not the host's, or the request is not confirmed.
    #[error("incorrect confirmation phrase")]
    Confirmation,
    /// The request was cancelled; nothing was touched.
    #[error("the reset was cancelled before anything was touched")]
    Cancelled,
    /// Another reset runs.
    #[error("another reset is running, or a backup: wait until it has ended")]
    AlreadyRunning,
    /// What would be cleared has changed since the caller looked.
    #[error("what would be cleared has changed since the preview: look again")]
    Changed {
        /// The digest now.
        digest: String,
    },
    /// The plan could not be made; nothing was touched.
    #[error("could not plan the reset")]
    Plan(#[from] PlanError),
    /// Clearing what is selected would break references of tables that stay; nothing was
    /// touched.
    #[error("{}", reference::refusal(.0))]
    References(Vec<BrokenReference>),
    /// Something could not be cleared; nothing was touched.
    #[error("not everything can be cleared: {}", blocker::list(.0))]
    Blocked(Vec<Blocker>),
    /// The backup that was to be made first, or to be restored, could not be; nothing was
    /// touched.
    #[cfg(feature = "backup")]
    #[error(transparent)]
    Backup(Box<BackupError>),
    /// The setup token that the request carries cannot be activated; nothing was touched.
    #[error("the setup token of this request cannot be used: get a new one, or leave it out")]
    SetupToken(#[source] ProofError),
    /// A guard refuses; nothing was touched.
    #[error("guard `{guard}` refuses")]
    Guard {
        /// The guard's name.
        guard: &'static str,
        /// Its reason.
        source: Refusal,
    },
    /// Requests under way did not end; nothing was touched.
    #[error(
        "requests under way did not end within {} s: try again, and make sure that the gate \
         excepts the reset's own route", .0.as_secs_f64()
    )]
    Drain(Duration),
    /// An earlier interrupted reset could not be ended first.
    #[error("an earlier reset must be ended first")]
    Recovery(#[from] RecoveryError),
    /// Something failed before the commit; everything was put back.
    #[error("the reset failed and was undone")]
    Failed {
        /// What failed.
        #[source]
        cause: FailureCause,
        /// How far it had come.
        report: Box<Report>,
    },
    /// Something failed before the commit, and not everything could be put back, or runs
    /// again. That is tried again; nothing is lost.
    #[error("the reset failed, and could not be undone yet: {}", undone.join("; "))]
    NotUndone {
        /// What failed first.
        #[source]
        cause: FailureCause,
        /// What could not be put back, and why.
        undone: Vec<String>,
        /// How far it had come.
        report: Box<Report>,
    },
    /// Whether the commit stands cannot be told now. It is asked again, and decided at the
    /// latest at the next start.
    #[error("whether the reset is committed cannot be told now: it is asked again")]
    Undecided {
        /// Why it cannot be told.
        #[source]
        cause: RecoveryError,
        /// How far it had come.
        report: Box<Report>,
    },
}

impl ResetError {
    /// The database error behind this one, if there is one.
    #[must_use]
    pub fn database(&self) -> Option<&DatabaseError> {
        let mut error: &(dyn std::error::Error + 'static) = self;
        loop {
            if let Some(database) = error.downcast_ref() {
                return Some(database);
            }
            error = error.source()?;
        }
    }

    /// What the history says of it.
    pub(crate) fn outcome(&self) -> RunOutcome {
        match self {
            Self::Failed { .. } => RunOutcome::Failed,
            Self::NotUndone { .. } => RunOutcome::NotUndone,
            Self::Undecided { .. } => RunOutcome::Undecided,
            _ => RunOutcome::Refused,
        }
    }

    /// How far the reset had come, where it had begun.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Failed { report, .. }
            | Self::NotUndone { report, .. }
            | Self::Undecided { report, .. } => Some(report),
            _ => None,
        }
    }
}

/// What made a reset fail before its commit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FailureCause {
    /// A step failed.
    #[error("step `{step}` failed")]
    Step {
        /// The step.
        step: StepId,
        /// Why.
        source: StepError,
    },
    /// The request was cancelled.
    #[error("it was cancelled")]
    Cancelled,
    /// The plan inside the transaction could not be made.
    #[error("could not plan inside the transaction")]
    Plan(#[from] PlanError),
    /// A reference that would break has come up since the reset began.
    #[error("{}", reference::refusal(.0))]
    References(Vec<BrokenReference>),
    /// Something that could not be cleared has come up since the reset began.
    #[error("not everything can be cleared: {}", blocker::list(.0))]
    Blocked(Vec<Blocker>),
    /// The backup that was to be made first could not be made.
    #[cfg(feature = "backup")]
    #[error("the backup could not be made first")]
    Backup(#[source] Box<BackupError>),
    /// The engine, or the driver of the database, panicked.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// The transaction failed.
    #[error("the database transaction failed")]
    Database(#[from] DatabaseError),
    /// The journal could not be written.
    #[error("the journal could not be written")]
    Journal(#[from] JournalError),
    /// The staging area could not be made.
    #[error("the staging area could not be made")]
    Path(#[from] PathError),
}

#[cfg(feature = "backup")]
impl From<BundleError> for StepError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(Box::new(error))
    }
}

#[cfg(feature = "backup")]
impl From<BackupError> for ResetError {
    fn from(error: BackupError) -> Self {
        Self::Backup(Box::new(error))
    }
}

#[cfg(feature = "backup")]
impl From<BackupError> for FailureCause {
    fn from(error: BackupError) -> Self {
        Self::Backup(Box::new(error))
    }
}

/// An error and all its sources in one line, for logs and answers. A source that the error
/// before it has quoted already is not said again.
///
/// ```
/// let error = std::io::Error::other("disk on fire");
/// assert_eq!(factory_reset::chain(&error), "disk on fire");
/// ```
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let answer = answer(error);
        // sqlx says the same again in a source of its own.
        source = error.source().filter(|_| answer.is_none());
        let message = answer.unwrap_or_else(|| error.to_string());
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
    }
    text
}
