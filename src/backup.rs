//! Named backups: what is asked for, what there is, what goes wrong.

use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bundle::{BundleError, BundleInfo, SavedStep};
use crate::data_directory::PathError;
use crate::database::DatabaseError;
use crate::descriptor::{Category, StepId};
use crate::error::StepError;
use crate::request::ResetRequest;
use crate::selection::Selection;

/// A backup that is asked for.
///
/// ```
/// use factory_reset::{BackupRequest, Category};
/// let request = BackupRequest::new("before-demo").include([Category::Database]);
/// # let _ = request;
/// ```
#[derive(Debug, Clone)]
pub struct BackupRequest {
    pub(crate) name: String,
    pub(crate) include: Option<Vec<Category>>,
    pub(crate) cancellation: CancellationToken,
}

impl BackupRequest {
    /// Asks for a backup called `name`: 1 to 64 letters, digits, `.`, `_` and `-`, the first none
    /// of `.` and `-`. It holds what every step clears that has something to save, and nothing
    /// that the host preserves.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            include: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// Only what is of these kinds. [`Category::Config`] asks for the secrets as well that the
    /// host [preserves](crate::EngineBuilder::preserve_secret).
    #[must_use]
    pub fn include(mut self, categories: impl IntoIterator<Item = Category>) -> Self {
        self.include = Some(categories.into_iter().collect());
        self
    }

    /// Gives the backup up when `cancellation` is cancelled: nothing is left of it.
    #[must_use]
    pub fn cancelled_by(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }
}

/// A restoration that is asked for. It does nothing until it is confirmed.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    pub(crate) name: String,
    pub(crate) confirmed: bool,
    pub(crate) actor: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) run: Option<Uuid>,
    pub(crate) setup_token: Option<String>,
    pub(crate) cancellation: CancellationToken,
}

impl RestoreRequest {
    /// Asks for everything to be put back that the backup `name` holds.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            confirmed: false,
            actor: None,
            digest: None,
            run: None,
            setup_token: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// Confirms it: what is there now is lost.
    #[must_use]
    pub fn confirmed(mut self) -> Self {
        self.confirmed = true;
        self
    }

    /// Says who asks.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Restores only if what there is still has this digest: that of a plan of everything.
    #[must_use]
    pub fn digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// Gives the run this number, so that its end can be looked up in the history.
    #[must_use]
    pub fn run(mut self, run: Uuid) -> Self {
        self.run = Some(run);
        self
    }

    /// Activates a [setup token](crate::OwnerProof::issue) at the commit, if the backup leaves the
    /// service without an owner.
    #[must_use]
    pub fn setup_token(mut self, token: impl Into<String>) -> Self {
        self.setup_token = Some(token.into());
        self
    }

    /// Gives the restoration up when `cancellation` is cancelled before the commit: everything
    /// is put back as it was. After the commit it is finished.
    #[must_use]
    pub fn cancelled_by(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// A restoration is a reset that puts something in the place of what goes.
    pub(crate) fn into_reset(self) -> ResetRequest {
        let mut request = ResetRequest::new(Selection::all());
        if self.confirmed {
            request = request.confirmed();
        }
        request.actor = self.actor;
        request.digest = self.digest;
        request.run = self.run;
        request.setup_token = self.setup_token;
        request.restore = Some(self.name);
        request.cancellation = self.cancellation;
        request
    }
}

/// A backup that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backup {
    /// Its name.
    pub name: String,
    /// How large its file is.
    pub bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The SHA-256 sum of its file: 64 hexadecimal digits; none where the file that holds it is
    /// not beside it any more.
    pub sha256: Option<String>,
    /// What it holds, step by step.
    pub contents: Vec<BackupContents>,
    /// Why it cannot be restored, as far as that is known without reading all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a backup holds of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupContents {
    /// The step.
    pub step: String,
    /// Its name for people.
    pub label: String,
    /// The tables, each with the number of its rows.
    pub tables: Vec<BackupTable>,
    /// The paths, as they are called in the data directory.
    pub paths: Vec<String>,
    /// How many files.
    pub files: u64,
    /// How many bytes are in them.
    pub bytes: u64,
    /// The tables and paths of the step that no backup holds: sessions, one-time tokens, signing
    /// keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ephemeral: Vec<String>,
}

/// A table in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupTable {
    /// The table.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Why a backup could not be made, listed, removed or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The engine has no directory for backups.
    #[error("this host keeps no backups: add `.backups(directory)` to the engine's builder")]
    Nowhere,
    /// The name cannot be one.
    #[error(
        "`{0}` is no name of a backup: use 1 to 64 of the characters A-Z a-z 0-9 . _ -, and begin \
         with none of . and -"
    )]
    Name(String),
    /// There is one of that name.
    #[error("there is a backup `{0}` already: remove it, or choose another name")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no backup `{0}`")]
    NotFound(String),
    /// No step has anything of these kinds to save.
    #[error("no step has anything to save of: {0}")]
    Nothing(String),
    /// Something kept changing while it was read.
    #[error("`{0}` kept changing while it was saved: stop what writes there, and try again")]
    Changing(String),
    /// It was cancelled; nothing is left of it.
    #[error("the backup was cancelled: nothing is left of it")]
    Cancelled,
    /// Another backup or reset is under way.
    #[error("another backup or reset is running: wait until it has ended")]
    Busy,
    /// It is not what this host has written, or was damaged; nothing was changed.
    #[error("the backup `{name}` cannot be restored")]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It does not fit what there is now; nothing was changed.
    #[error("the backup `{name}` does not fit this host: {reason}")]
    Unfit {
        /// Its name.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// A step could not save what is its own.
    #[error("step `{step}` could not save what is its own")]
    Step {
        /// The step.
        step: StepId,
        /// Why.
        source: StepError,
    },
    /// Rows of a table refer to ephemeral rows, which no backup holds: they could not be restored.
    #[error(
        "{rows} rows of table `{table}` refer to the ephemeral table `{ephemeral}`, which no backup \
         holds: declare `{table}` ephemeral as well, or drop the declaration of `{ephemeral}`"
    )]
    RefersToEphemeral {
        /// The table whose rows refer.
        table: String,
        /// The ephemeral table.
        ephemeral: String,
        /// How many rows refer.
        rows: u64,
    },
    /// Requests under way did not end in time.
    #[error("requests under way did not end: try again")]
    Drain,
    /// The database could not be read.
    #[error("could not read the database")]
    Database(#[from] DatabaseError),
    /// The file system refused.
    #[error("the file system refused")]
    Path(#[from] PathError),
    /// The bundle could not be written or read.
    #[error(transparent)]
    Bundle(BundleError),
}

impl From<BundleError> for BackupError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Exists(name) => Self::Exists(name.to_string()),
            BundleError::NotFound(name) => Self::NotFound(name.to_string()),
            BundleError::Changed(path) => Self::Changing(path.display().to_string()),
            BundleError::Unusable { bundle, fault } => Self::Invalid {
                name: bundle.to_string(),
                source: fault.into(),
            },
            error => Self::Bundle(error),
        }
    }
}

impl From<BundleInfo> for Backup {
    fn from(bundle: BundleInfo) -> Self {
        let contents = bundle.manifest.map_or_else(Vec::new, |manifest| {
            let contents = manifest.contents.into_iter();
            contents.map(BackupContents::from).collect()
        });
        Self {
            name: bundle.name,
            bytes: bundle.bytes,
            created_at: bundle.created_at,
            sha256: bundle.sha256,
            contents,
            error: bundle.error,
        }
    }
}

impl From<SavedStep> for BackupContents {
    fn from(step: SavedStep) -> Self {
        let tables = step.tables.into_iter();
        let paths = || step.paths.iter().filter(|path| path.there);
        Self {
            files: paths().map(|path| path.files).sum(),
            bytes: paths().map(|path| path.bytes).sum(),
            paths: paths().map(|path| path.name.clone()).collect(),
            step: step.id,
            label: step.label,
            ephemeral: step.ephemeral,
            tables: tables
                .map(|table| BackupTable {
                    name: table.name,
                    rows: table.rows,
                })
                .collect(),
        }
    }
}
