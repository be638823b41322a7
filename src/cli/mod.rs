//! The command line of a reset: a [clap] subcommand that a host flattens into its own command.
//!
//! | command | what it does |
//! |---|---|
//! | `options` | tells everything that can be reset, with its counts |
//! | `preview` | tells what a selection would clear |
//! | `run` | resets, once the phrase is typed |
//! | `backup NAME` | makes a backup |
//! | `backups` | lists the backups, or removes one |
//! | `restore NAME` | puts back what a backup holds, once the phrase is typed |
//! | `history [RUN]` | tells the runs of the past |
//! | `recover` | ends a run that was interrupted |
//!
//! A host whose data directory may belong to another user than the one who runs the command
//! calls [`ResetArguments::become_owner`] first, before a runtime exists: see [`privileges`].
//!
//! They work on the data directory itself, through an engine that the host opens when it is
//! needed, or with `--url` on a server that has nested the
//! router of feature `axum`. How they end is told by [`Exit`].
//!
//! ```
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use factory_reset::cli::{ResetArguments, Target};
//! use factory_reset::{BuildError, Engine};
//!
//! #[derive(Parser)]
//! enum Command {
//!     /// Return this service to its factory state.
//!     Reset(ResetArguments),
//! }
//!
//! async fn open() -> Result<Engine, BuildError> {
//!     Engine::builder().data_dir("/var/lib/example").build().await
//! }
//!
//! async fn run(command: Command) -> ExitCode {
//!     match command {
//!         Command::Reset(arguments) => {
//!             let target = Target::new("example").data_dir("/var/lib/example");
//!             arguments.run(target, open).await
//!         }
//!     }
//! }
//! ```

mod address;
mod answer;
mod arguments;
mod ask;
mod backing_up;
mod block_on;
mod client;
mod console;
mod event;
mod exchange;
mod exit;
mod failure;
mod holder;
mod interruption;
mod listening;
mod local;
mod looking;
pub mod privileges;
mod progress;
mod recovering;
mod remote;
mod repeat;
mod resetting;
mod run;
mod selected;
mod service;
mod session;
mod show_past;
mod show_plan;
mod shown;
mod table;
mod target;
mod unopened;
mod untrusted;
mod watching;
#[cfg(test)]
mod written;

pub use arguments::{
    BackupArguments, BackupsArguments, DryRun, HistoryArguments, PreviewArguments,
    RecoverArguments, ResetArguments, ResetCommand, RestoreArguments, RunArguments,
};
pub use block_on::block_on;
pub use console::Console;
pub use exit::Exit;
pub use failure::Failure;
pub use selected::SelectionArguments;
pub use target::Target;
