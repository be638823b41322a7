use std::error::Error;

use serde_json::Value;

use super::exit::Exit;
use crate::backup::BackupError;
use crate::bundle::BundleError;
use crate::data_directory::PathError;
use crate::error::{FailureCause, PlanError, RecoveryError, ResetError, chain};
use crate::printable::Printable;
use crate::reference::CASCADE;

/// Why a command does not do what it was asked for: the one line that it prints, and how it ends.
///
/// A host's own error tells that it is another thing than
/// [`Exit::Unreachable`] that keeps the engine from being opened, when it has this among its
/// sources.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", Printable::new(text))]
pub struct Failure {
    pub(super) exit: Exit,
    pub(super) text: String,
    /// How far a reset had come.
    pub(super) report: Option<Value>,
}

impl Failure {
    /// A failure that is told as `text`: what is wrong, and what to do about it.
    #[must_use]
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
            report: None,
        }
    }

    /// How the command ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Given up for a signal, before anything was changed.
    pub(super) fn cancelled() -> Self {
        Self::new(Exit::Cancelled, "given up: nothing was changed")
    }

    /// Why an engine could not be opened.
    #[must_use]
    pub fn of_opening(error: &(dyn Error + 'static)) -> Self {
        let mut source = Some(error);
        while let Some(error) = source {
            if let Some(failure) = error.downcast_ref::<Self>() {
                return failure.clone();
            }
            if let Some(PathError::InUse { path, holder }) = error.downcast_ref() {
                return super::holder::failure(path, holder);
            }
            if error.is::<RecoveryError>() {
                let text = format!("{}: mend that, then `recover`", chain(error));
                return Self::new(Exit::Undecided, text);
            }
            source = error.source();
        }
        if is_locked(error) {
            return Self::new(Exit::Busy, chain(error));
        }
        Self::new(Exit::Unreachable, chain(error))
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(of_plan(&error), in_words_of_the_command(&chain(&error)))
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::new(of_backup(&error), in_words_of_the_command(&chain(&error)))
    }
}

impl From<ResetError> for Failure {
    fn from(error: ResetError) -> Self {
        let exit = of_reset(&error);
        Self {
            exit,
            text: match exit {
                Exit::Cancelled => "given up: everything is as it was".to_owned(),
                _ => in_words_of_the_command(&chain(&error)),
            },
            report: error.report().map(crate::report::Report::to_value),
        }
    }
}

/// A remedy that names a field or a method of the API, in the words of the command.
pub(super) fn in_words_of_the_command(text: &str) -> String {
    text.replace(&format!("set {CASCADE}"), "add `--cascade`")
        .replace("raise `.lock_timeout(…)`", "stop the service")
}

fn of_plan(error: &PlanError) -> Exit {
    match error {
        PlanError::Selection(_) => Exit::Usage,
        _ => of_failure(error),
    }
}

fn of_reset(error: &ResetError) -> Exit {
    match error {
        ResetError::Confirmation
        | ResetError::SetupToken(_)
        | ResetError::Changed { .. }
        | ResetError::References(_)
        | ResetError::Blocked(_)
        | ResetError::Guard { .. } => Exit::Refused,
        ResetError::Cancelled => Exit::Cancelled,
        ResetError::AlreadyRunning | ResetError::Drain(_) => Exit::Busy,
        ResetError::Plan(error) => of_plan(error),
        ResetError::Backup(error) => of_backup(error),
        ResetError::Failed { cause, .. } => match cause {
            FailureCause::References(_) | FailureCause::Blocked(_) => Exit::Refused,
            FailureCause::Backup(error) => of_backup(error),
            FailureCause::Cancelled => Exit::Cancelled,
            _ => of_failure(cause),
        },
        ResetError::Recovery(_) | ResetError::NotUndone { .. } | ResetError::Undecided { .. } => {
            Exit::Undecided
        }
    }
}

fn of_backup(error: &BackupError) -> Exit {
    match error {
        BackupError::Name(_) | BackupError::NotFound(_) | BackupError::Nothing(_) => Exit::Usage,
        BackupError::Cancelled => Exit::Cancelled,
        BackupError::Busy | BackupError::Drain => Exit::Busy,
        BackupError::Nowhere
        | BackupError::Exists(_)
        | BackupError::Changing(_)
        | BackupError::RefersToEphemeral { .. }
        | BackupError::Invalid { .. }
        | BackupError::Unfit { .. }
        | BackupError::Bundle(
            BundleError::NotPlain { .. } | BundleError::SetId(_) | BundleError::Unfit { .. },
        ) => Exit::Refused,
        BackupError::Step { .. }
        | BackupError::Database(_)
        | BackupError::Path(_)
        | BackupError::Bundle(_) => of_failure(error),
    }
}

/// How a command ends that has failed, and left everything as it was.
fn of_failure(error: &(dyn Error + 'static)) -> Exit {
    match is_locked(error) {
        true => Exit::Busy,
        false => Exit::Failed,
    }
}

/// Whether somebody else's lock on the database is the reason.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn is_locked(error: &(dyn Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        let database = error
            .downcast_ref()
            .and_then(sqlx::Error::as_database_error);
        if let Some(code) = database.and_then(sqlx::error::DatabaseError::code) {
            return match code.parse::<u32>() {
                // SQLite's, shorter than PostgreSQL's: the low byte is busy, or locked.
                Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6),
                _ => code == "55P03",
            };
        }
        source = error.source();
    }
    false
}

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
fn is_locked(_: &(dyn Error + 'static)) -> bool {
    false
}
