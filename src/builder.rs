//! Builds an engine: finds the steps, orders them, checks everything that can be checked
//! before the first request, and ends an interrupted reset.

mod steps;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use steps::{check_companions, check_keys};
use tokio::sync::Mutex;

#[cfg(feature = "backup")]
use crate::bundle::Backups;
use crate::claims::Ownership;
use crate::data_directory::DataDirectory;
use crate::database::{Bounded, Database, KeptRows, Patience};
use crate::descriptor::Phase;
use crate::engine::{Engine, Inner, Limits, Running};
use crate::error::{BuildError, RecoveryError};
use crate::event_log::EventLog;
use crate::gate::Gate;
use crate::guard::{Guard, NothingUnclaimed};
use crate::history::History;
use crate::journal::{Journal, JournalRecord};
use crate::known_tables::{KnownTables, list};
use crate::owner_proof::OwnerProof;
use crate::plan_queue::PlanQueue;
use crate::registry::StepRegistration;
#[cfg(feature = "backup")]
use crate::relative_path::RelativePath;
use crate::resources::Resources;
use crate::task::blocking;
use crate::{recovery, reserve, retry};
#[cfg(feature = "backup")]
use crate::{restoration, secrets};

/// How long requests under way may take to end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a step of the Stop phase may take to stop what runs.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the database may take for what it does at once.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one call of a step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(300);

/// Takes what a host says about itself; see [`Engine::builder`].
pub struct EngineBuilder {
    explicit: Vec<StepRegistration>,
    registered: bool,
    without: Vec<String>,
    expected: Vec<String>,
    resources: Resources,
    duplicate_resource: Option<&'static str>,
    database: Option<Box<dyn Database>>,
    data_dir: Option<PathBuf>,
    is_data_directory_trusted: bool,
    preserved_paths: Vec<(PathBuf, String)>,
    preserved_tables: Vec<(String, String)>,
    secrets: Vec<PathBuf>,
    ephemeral_paths: Vec<PathBuf>,
    ephemeral_tables: Vec<String>,
    #[cfg(feature = "backup")]
    backups: Option<PathBuf>,
    owner_step: Option<String>,
    kept_rows: Vec<KeptRows>,
    confirmation: Option<String>,
    guards: Vec<Box<dyn Guard>>,
    limits: Limits,
}

impl EngineBuilder {
    pub(crate) fn new() -> Self {
        Self {
            explicit: Vec::new(),
            registered: true,
            without: Vec::new(),
            expected: Vec::new(),
            resources: Resources::default(),
            duplicate_resource: None,
            database: None,
            data_dir: None,
            is_data_directory_trusted: false,
            preserved_paths: Vec::new(),
            preserved_tables: Vec::new(),
            secrets: Vec::new(),
            ephemeral_paths: Vec::new(),
            ephemeral_tables: Vec::new(),
            #[cfg(feature = "backup")]
            backups: None,
            owner_step: None,
            kept_rows: Vec::new(),
            confirmation: None,
            guards: Vec::new(),
            limits: Limits {
                drain: DRAIN_TIMEOUT,
                stop: STOP_TIMEOUT,
                database: DATABASE_TIMEOUT,
                step: STEP_TIMEOUT,
            },
        }
    }

    /// The host's database. Its transaction carries the commit of every reset.
    #[must_use]
    pub fn database(mut self, database: impl Database) -> Self {
        self.database = Some(Box::new(database));
        self
    }

    /// The directory below which all claimed paths lie. It must exist; the engine keeps its
    /// journal and what it removes in `.factory-reset` there, and holds a lock on it for as
    /// long as it lives.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Says whether an engine that runs as root trusts the owner of the data directory; `false`
    /// unless set.
    ///
    /// Whoever owns the data directory decides what is in the engine's journal, and so what
    /// recovery moves and removes there, and can replace files between two uses of them. An
    /// engine that runs as root therefore refuses a data directory that another user owns, or
    /// that another user can put in the place of the one that was meant, because it owns or can
    /// write to a directory above it. Run the engine as the service's user instead. Set this only
    /// where that user may act with the rights of root anyway. No link is followed and no path
    /// outside the data directory is touched in either case.
    ///
    /// An engine that does not run as root accepts the data directory of any user, and files of
    /// that user in `.factory-reset` only where this is set.
    ///
    /// ```
    /// # let data_dir = std::env::temp_dir();
    /// let builder = factory_reset::Engine::builder()
    ///     .data_dir(data_dir)
    ///     .trust_data_directory(true);
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn trust_data_directory(mut self, is_trusted: bool) -> Self {
        self.is_data_directory_trusted = is_trusted;
        self
    }

    /// Offers a resource to the steps.
    #[must_use]
    pub fn resource<T: Send + Sync + 'static>(mut self, resource: T) -> Self {
        if !self.resources.insert(resource) {
            self.duplicate_resource = Some(std::any::type_name::<T>());
        }
        self
    }

    /// Keeps a path of the data directory in every reset.
    #[must_use]
    pub fn preserve(mut self, path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        self.preserved_paths.push((path.into(), reason.into()));
        self
    }

    /// Keeps a secret in every reset, like [`preserve`](Self::preserve). It goes into no backup,
    /// unless one is asked for that includes [`Category::Config`](crate::Category::Config).
    #[must_use]
    pub fn preserve_secret(mut self, path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        let path = path.into();
        self.secrets.push(path.clone());
        self.preserve(path, reason)
    }

    /// Keeps backups in this directory, given relative to the data directory; every reset
    /// preserves it.
    #[cfg(feature = "backup")]
    #[must_use]
    pub fn backups(mut self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.backups = Some(directory.clone());
        self.preserve(directory, "backups outlive what they were made of")
    }

    /// Keeps a table in every reset.
    #[must_use]
    pub fn preserve_table(mut self, table: impl Into<String>, reason: impl Into<String>) -> Self {
        self.preserved_tables.push((table.into(), reason.into()));
        self
    }

    /// Names the step that clears what the owner of the service signs in with, so that a reset of
    /// it leaves the service to the first visitor who claims it. The [router](fn@crate::http::router)
    /// then withholds what earlier owners have left (backups, history, lost answers) until the
    /// new owner has proven knowledge of a credential that outlives resets: see
    /// [`OwnerProof`](crate::OwnerProof).
    #[must_use]
    pub fn owner_step(mut self, step: impl Into<String>) -> Self {
        self.owner_step = Some(step.into());
        self
    }

    /// Declares that the rows of a table must not be restored, whichever step claims it: see
    /// [`Claims::ephemeral_table`](crate::Claims::ephemeral_table).
    #[must_use]
    pub fn ephemeral_table(mut self, table: impl Into<String>) -> Self {
        self.ephemeral_tables.push(table.into());
        self
    }

    /// Declares that a claimed path must not be restored, whichever step claims it: see
    /// [`Claims::ephemeral_path`](crate::Claims::ephemeral_path).
    #[must_use]
    pub fn ephemeral_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.ephemeral_paths.push(path.into());
        self
    }

    /// Offers rows that a request can ask to keep: see [`Selection::keep`](crate::Selection::keep).
    #[must_use]
    pub fn keep_rows(mut self, rows: KeptRows) -> Self {
        self.kept_rows.push(rows);
        self
    }

    /// The phrase that confirms a reset.
    #[must_use]
    pub fn confirmation(mut self, phrase: impl Into<String>) -> Self {
        self.confirmation = Some(phrase.into());
        self
    }

    /// Leaves out a step that is linked in.
    #[must_use]
    pub fn without(mut self, step: impl Into<String>) -> Self {
        self.without.push(step.into());
        self
    }

    /// Says that a step must be there, so that a crate of steps that the linker dropped is an
    /// error and no surprise.
    #[must_use]
    pub fn expect_step(mut self, step: impl Into<String>) -> Self {
        self.expected.push(step.into());
        self
    }

    /// Adds a step by hand, beside those that are registered.
    #[must_use]
    pub fn step(mut self, registration: StepRegistration) -> Self {
        self.explicit.push(registration);
        self
    }

    /// Uses only the steps added by hand, whatever else is linked in.
    #[must_use]
    pub fn explicit_steps_only(mut self) -> Self {
        self.registered = false;
        self
    }

    /// Refuses every reset while anything in the database or the data directory is neither
    /// claimed nor preserved: the guard [`NothingUnclaimed`].
    #[must_use]
    pub fn strict_coverage(self) -> Self {
        self.guard(NothingUnclaimed)
    }

    /// Adds a check that can refuse a reset.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// How long a reset waits for requests under way; 30 seconds unless set.
    #[must_use]
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.limits.drain = limit;
        self
    }

    /// How long a step of the Stop phase may take to stop what runs; 30 seconds unless set. A
    /// task that does not stop makes the reset fail, and runs on.
    #[must_use]
    pub fn stop_timeout(mut self, limit: Duration) -> Self {
        self.limits.stop = limit;
        self
    }

    /// How long the database may take for what it does at once: opening a transaction, reading
    /// a commit record; 60 seconds unless set. How long it waits for the lock of another
    /// connection is its own setting, and less.
    #[must_use]
    pub fn database_timeout(mut self, limit: Duration) -> Self {
        self.limits.database = limit;
        self
    }

    /// How long one call of a step may take; 5 minutes unless set. Counting, clearing,
    /// committing and giving pages back may take as long, and at least as long as
    /// [`database_timeout`](Self::database_timeout).
    #[must_use]
    pub fn step_timeout(mut self, limit: Duration) -> Self {
        self.limits.step = limit;
        self
    }

    /// Builds the engine, and ends a reset that a crash has interrupted. Build it before the
    /// host reads its configuration, runs its migrations or answers requests.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the steps, their claims and their resources; a data
    /// directory that another process uses; an interrupted reset that cannot be ended. Each
    /// error says what to write.
    pub async fn build(self) -> Result<Engine, BuildError> {
        let linked = self.linked()?;
        self.check_resources(&linked)?;
        let steps = self.ordered(&linked)?;
        check_keys(&steps)?;
        check_companions(&steps, &linked)?;
        #[cfg(feature = "backup")]
        if let Some(step) = steps
            .iter()
            .find(|step| step.descriptor.id.as_str() == secrets::ID)
        {
            return Err(BuildError::ReservedStep(step.descriptor.id));
        }
        let owner_step = self.find_owner_step(&steps)?;
        if self.confirmation.as_deref() == Some("") {
            return Err(BuildError::EmptyConfirmation);
        }

        let patience = Patience {
            answer: self.limits.database,
            // A short limit for steps says nothing about a disk that is slow to sync.
            work: self.limits.step.max(self.limits.database),
        };
        let database = self
            .database
            .map(|database| -> Box<dyn Database> { Box::new(Bounded { database, patience }) });
        let data_dir = self.data_dir.ok_or(BuildError::NoDataDirectory)?;
        let is_trusted = self.is_data_directory_trusted;
        let data_directory =
            blocking(move || DataDirectory::open_with(&data_dir, is_trusted)).await?;
        let data_directory = Arc::new(data_directory);

        let mut ownership = Ownership::default();
        if let Some(database) = &database {
            for file in database.files() {
                if let Ok(below) = file.strip_prefix(data_directory.path()) {
                    ownership.database_file(below)?;
                }
            }
            for (table, reason) in database.preserved_tables() {
                ownership.preserve_table(table, reason)?;
            }
        }
        for (path, reason) in self.preserved_paths {
            ownership.preserve_path(&path, reason)?;
        }
        let known = match &database {
            Some(database) => KnownTables::read(&**database).await?,
            None => KnownTables::none(),
        };
        for (table, reason) in self.preserved_tables {
            let Some(spelled) = known.find(&table) else {
                let known = list(known.names.iter());
                return Err(BuildError::UnknownTable { table, known });
            };
            ownership.preserve_table(spelled.to_owned(), reason)?;
        }
        let mut kept_rows: Vec<KeptRows> = Vec::new();
        for rows in self.kept_rows {
            if database.is_none() {
                return Err(BuildError::KeptRowsWithoutDatabase(rows.name().to_owned()));
            }
            if kept_rows.iter().any(|other| other.name() == rows.name()) {
                return Err(BuildError::DuplicateKeptRows(rows.name().to_owned()));
            }
            let mut tables = rows.conditions().map(|(table, _)| table.to_owned());
            if let Some(table) = tables.find(|table| known.find(table).is_none()) {
                let name = rows.name().to_owned();
                let known = list(known.names.iter());
                return Err(BuildError::UnknownKeptTable { name, table, known });
            }
            drop(tables);
            kept_rows.push(rows.spelled(|table| known.find(&table).map_or(table, str::to_owned)));
        }
        for step in &steps {
            let claims = step.step.claims(&self.resources);
            let claims = claims.spelled(|name| known.find(&name).map_or(name, str::to_owned));
            if claims.are_durable() && step.descriptor.phase != Phase::Erase {
                return Err(BuildError::ClaimOutsideErase(step.descriptor.id));
            }
            if claims.has_tables() && database.is_none() {
                return Err(BuildError::NoDatabase(step.descriptor.id));
            }
            ownership.claim(step.descriptor.id, &claims)?;
            if let Some(category) = step.descriptor.category.or(claims.category()) {
                ownership.categorise(step.descriptor.id, category);
            }
        }

        let none = BTreeSet::new();
        let migrated = database.as_ref();
        let migrated = migrated.map_or(&none, |database| database.migrated_tables());
        for table in self.ephemeral_tables {
            let spelled = known.find(&table).unwrap_or(&table);
            if !ownership.make_table_ephemeral(spelled, migrated) {
                return Err(BuildError::UnclaimedEphemeral { name: table });
            }
        }
        for path in self.ephemeral_paths {
            if !ownership.make_path_ephemeral(&path) {
                let name = path.display().to_string();
                return Err(BuildError::UnclaimedEphemeral { name });
            }
        }
        let ids = steps.iter().map(|step| step.descriptor.id);
        let parts = ids.map(|id| (id.as_str(), ownership.parts_of(id, migrated)));
        let parts = parts.collect();

        #[cfg(feature = "backup")]
        let (secrets, backups) = {
            let relative = |path: &PathBuf| RelativePath::new(path).ok();
            let secrets: Vec<_> = self.secrets.iter().filter_map(relative).collect();
            let backups = self.backups.as_ref().and_then(relative);
            let backups = backups.map(|path| Backups::new(data_directory.clone(), path));
            (secrets, backups)
        };
        let (journal, history, owner_proof) = {
            let data_directory = data_directory.clone();
            blocking(move || {
                let journal = Journal::open(data_directory.clone());
                let history = History::open(data_directory.clone());
                (journal, history, OwnerProof::open(data_directory))
            })
            .await
        };
        let journal = journal.map_err(RecoveryError::from)?;
        let inner = Arc::new(Inner {
            steps,
            resources: self.resources,
            ownership,
            parts,
            database,
            #[cfg(feature = "axum")]
            answers: crate::http::Answers::new(data_directory.clone()),
            data_directory,
            kept_rows,
            #[cfg(feature = "backup")]
            secrets,
            #[cfg(feature = "backup")]
            backups,
            confirmation: self.confirmation,
            guards: self.guards,
            limits: self.limits,
            gate: Gate::default(),
            events: Arc::new(EventLog::new()),
            plans: PlanQueue::default(),
            #[cfg(feature = "axum")]
            listeners: crate::http::listeners(),
            #[cfg(feature = "axum")]
            runs: crate::http::runs(),
            history: Arc::new(history),
            owner_proof,
            owner_step,
            recovered: OnceLock::new(),
            turn: Arc::default(),
            running: Mutex::new(Running::new(journal)),
        });
        {
            let mut running = inner.running.lock().await;
            // Not one that has only left something to do.
            let interrupted = running.journal.record().and_then(JournalRecord::entry);
            recovery::recover(&inner, &mut running).await?;
            if let Some(entry) = interrupted {
                let _ = inner.recovered.set(entry.id);
            }
            retry::schedule(&inner, &mut running);
        }
        inner.owner_proof.settle().await;
        if inner.owner_step.is_some() {
            inner.owner_proof.take_into_use().await;
        }
        #[cfg(feature = "backup")]
        restoration::clean(&inner).await;
        let data_directory = inner.data_directory.clone();
        blocking(move || reserve::keep(&data_directory)).await;
        Ok(Engine { inner })
    }
}
