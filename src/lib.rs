//! Returns a **running** service to its factory state: all or nothing, crash-safe, with an
//! exact report.
//!
//! Services hold state in many places: database tables, a configuration file, a password
//! hash, media, background tasks, caches. Each category of it is a [`ResetStep`], linked in
//! and registered through [`inventory`]; one [`Engine`] orders them, shows what would go, and
//! clears them as one reset that a crash cannot leave half done.
//!
//! # A host
//!
//! ```
//! use factory_reset::{Engine, ResetRequest, Selection};
//! // A crate of steps that no code names is dropped by the linker.
//! use factory_reset_steps as _;
//! use factory_reset_steps::MediaDir;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let data_dir = directory.path();
//! # std::fs::create_dir(data_dir.join("media"))?;
//! # std::fs::write(data_dir.join("media/cat.jpg"), "meow")?;
//! # std::fs::write(data_dir.join("api_token"), "secret")?;
//! let engine = Engine::builder()
//!     .data_dir(data_dir)
//!     .resource(MediaDir::new("media"))
//!     .preserve("api_token", "bearer clients must stay signed in")
//!     .confirmation("RESET EXAMPLE")
//! #   .without("tables").without("config").without("passphrase").without("files")
//! #   .without("runtimes").without("watchtower").without("generators").without("rate-limits")
//!     .build()
//!     .await?;
//!
//! let preview = engine.plan(&Selection::all()).await?.preview();
//! assert_eq!(preview.cleared["media_deleted"], true);
//!
//! let request = ResetRequest::new(Selection::all()).phrase("RESET EXAMPLE");
//! let report = engine.reset(request).await?;
//! assert_eq!(report.cleared, preview.cleared);
//! assert!(!data_dir.join("media").exists());
//! # Ok(())
//! # }
//! ```
//!
//! # How a reset goes
//!
//! 1. **Refusals**, before anything is touched: the confirmation, another reset, the digest of
//!    the preview, [what could not be removed](Blocker), the [guards](Guard).
//! 2. The [gate](Gate) refuses further requests and waits for those under way.
//! 3. **Stop**: what writes is stopped.
//! 4. **Erase**: rows go in one transaction; paths are renamed into a staging area. Until the
//!    commit all of it can be undone, and is when anything fails.
//! 5. The **commit** of the transaction, which carries a commit record.
//! 6. **Forget**: what cannot be rolled back goes; then what is staged is unlinked, and freed
//!    pages are given back. What cannot be finished is [pending](Report::pending), and tried
//!    again in the background.
//!
//! A crash at any instant is ended by the next [`EngineBuilder::build`]: forward when the
//! commit record stands, back when it does not. Every run stands in the
//! [history](Engine::history).
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` | [`Sqlite`], the database behind the engine |
//! | `postgres` | [`Postgres`], the same over a PostgreSQL server |
//! | `backup` | named backups: [`Engine::backup`], [`Engine::restore_behind_gate`] |
//! | `axum` | [`http`]: the gate as a layer, and the router of a reset service |
//! | `serve` | [`http::Server`]: an HTTP/1 server that many and slow clients cannot block |
//! | `openapi` | the router's OpenAPI document at `/openapi.json`, and a page that shows it |
//! | `cli` | [`cli`]: the command that a host flattens into its own |
//! | `testing` | [`testing`]: what a host's own tests ask of its engine |
//!
//! The crate works on Unix: it reaches the data directory through directory handles.

mod attempt;
#[cfg(feature = "backup")]
mod backup;
mod blocker;
mod builder;
#[cfg(feature = "backup")]
mod bundle;
mod call;
mod choice;
mod claims;
#[cfg(feature = "cli")]
pub mod cli;
mod context;
mod data_directory;
mod database;
mod descriptor;
mod engine;
mod error;
mod event;
mod event_log;
mod executor;
mod gate;
mod guard;
mod history;
#[cfg(feature = "axum")]
pub mod http;
mod item;
mod journal;
mod known_tables;
#[cfg(any(feature = "axum", feature = "cli"))]
mod message;
mod meter;
mod options;
mod order;
mod owner_proof;
mod plan;
mod plan_queue;
mod planner;
mod preflight;
mod printable;
mod recount;
mod recovery;
mod reference;
mod registry;
mod relative_path;
mod report;
mod request;
mod reserve;
mod resources;
#[cfg(feature = "backup")]
mod restoration;
#[cfg(feature = "backup")]
mod restore_context;
mod retry;
#[cfg(feature = "backup")]
mod save_context;
#[cfg(feature = "backup")]
mod saving;
#[cfg(feature = "backup")]
mod secrets;
mod selection;
mod staging;
mod step;
pub mod summary;
mod surveys;
mod task;
#[cfg(feature = "testing")]
pub mod testing;

pub use async_trait::async_trait;
#[cfg(feature = "backup")]
pub use backup::{Backup, BackupContents, BackupError, BackupRequest, BackupTable, RestoreRequest};
pub use blocker::Blocker;
pub use builder::EngineBuilder;
#[cfg(feature = "backup")]
pub use bundle::{BundleError, BundleFault, BundleName, InvalidName};
pub use claims::{ClaimError, Claims, Preserved, Unclaimed};
pub use context::{ForgetContext, PlanContext, ResumeContext, StepContext};
pub use data_directory::{Flaw, PathError};
#[cfg(feature = "sqlite")]
pub use database::Sqlite;
pub use database::{
    Database, DatabaseError, DatabaseLock, Decision, FactoryRows, KeptRows, RECORD_TABLE,
    Reference, Tally, Transaction, Way,
};
#[cfg(feature = "postgres")]
pub use database::{Postgres, PostgresOptions};
pub use descriptor::{Category, Phase, Scope, StepDescriptor, StepId};
pub use engine::Engine;
pub use error::{BuildError, FailureCause, PlanError, RecoveryError, ResetError, StepError, chain};
pub use event::{Event, EventId, EventKind, InvalidEventId};
pub use event_log::Events;
pub use gate::{ClosedGate, Entered, Gate};
pub use guard::{Guard, NothingUnclaimed, Refusal};
pub use history::{Action, HistoryEntry, RunOutcome};
pub use inventory;
pub use item::{Item, ItemKind, Outcome};
pub use journal::{JournalError, JournalState};
pub use options::{KeepOption, Options};
pub use order::OrderError;
pub use owner_proof::{OwnerProof, ProofError, SetupToken};
pub use plan::{ResetPlan, StepOutcome, StepPlan};
pub use printable::{Printable, printable_json};
pub use reference::BrokenReference;
pub use registry::StepRegistration;
pub use relative_path::{InvalidPath, RelativePath};
pub use report::{Erasure, Pending, Report, StepReport};
pub use request::ResetRequest;
pub use resources::Resources;
#[cfg(feature = "backup")]
pub use restore_context::RestoreContext;
#[cfg(feature = "backup")]
pub use save_context::SaveContext;
pub use selection::{Selection, SelectionError};
pub use step::ResetStep;
pub use tokio_util::sync::CancellationToken;
