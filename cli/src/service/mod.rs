//! The service itself, as something that runs.

mod command;
mod commands;
mod environment;
mod record;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use command::CommandError;
pub(crate) use commands::Commands;
use factory_reset::cli::Exit;
use factory_reset::{Action, Engine, RunOutcome, chain};
use uuid::Uuid;

use crate::manifest;
use crate::privileges::Link;
use crate::told::note;

/// A service that commands stop and start.
pub(crate) struct Service {
    name: String,
    is_started_after_reset: bool,
    may_run: bool,
    timeout: Duration,
    /// Whether this process has stopped it, and not started it again.
    is_stopped: AtomicBool,
    control: Control,
}

/// Who runs the commands.
enum Control {
    Here(Arc<Commands>),
    /// The parent, which has kept root.
    Parent(Link),
}

impl Service {
    /// Takes the commands of the manifest in the directory `base`; of what is wrong, the field.
    /// With `may_run` they can be run, by the parent behind `link` if there is one.
    pub(crate) fn new(
        name: &str,
        service: &manifest::Service,
        (base, data_dir): (&Path, &Path),
        may_run: bool,
        link: Option<Link>,
    ) -> Result<Self, (&'static str, String)> {
        let commands = Commands::new(service, base, data_dir, may_run)?;
        Ok(Self {
            name: name.to_owned(),
            is_started_after_reset: service.start_after_reset.unwrap_or(true),
            may_run,
            timeout: commands.timeout(),
            is_stopped: AtomicBool::new(false),
            control: match link {
                Some(link) => Control::Parent(link),
                None => Control::Here(Arc::new(commands)),
            },
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The commands, unless the parent has them.
    pub(crate) fn commands(&self) -> Option<Arc<Commands>> {
        match &self.control {
            Control::Here(commands) => Some(commands.clone()),
            Control::Parent(_) => None,
        }
    }

    /// How long the engine waits for it to stop: longer than the command may take.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout + Duration::from_secs(5)
    }

    /// Stops it for `run`.
    pub(crate) async fn stop(&self, run: Uuid) -> Result<(), CommandError> {
        self.is_stopped.store(true, Ordering::Relaxed);
        match &self.control {
            Control::Here(commands) => commands.stop(run).await,
            Control::Parent(link) => Ok(link.stop(run).await?),
        }
    }

    /// Starts it, if a run has stopped it.
    pub(crate) async fn start(&self) -> Result<(), CommandError> {
        match &self.control {
            Control::Here(commands) => commands.start().await?,
            Control::Parent(link) => link.start().await?,
        }
        self.is_stopped.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn forget(&self) -> Result<(), CommandError> {
        match &self.control {
            Control::Here(commands) => commands.forget()?,
            Control::Parent(link) => link.forget().await?,
        }
        self.is_stopped.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn stopped_by(&self) -> Result<Option<Uuid>, CommandError> {
        match &self.control {
            Control::Here(commands) => commands.stopped_by(),
            Control::Parent(link) => Ok(link.stopped_by().await?),
        }
    }

    /// Starts the service if a run has stopped it and not started it again, as the outcome of
    /// that run says. A command that only reads says so instead.
    pub(crate) async fn after_interruption(&self, engine: &Engine) {
        let ended = match self.stopped_by().await {
            Ok(None) => return,
            Ok(Some(run)) if !self.may_run => {
                return note(format_args!(
                    "note: run {run} has stopped {} and not started it again: run \
                     `factory-reset recover`, which does",
                    self.name
                ));
            }
            Ok(Some(run)) => match engine.history_entry(run) {
                Some(entry)
                    if entry.outcome == RunOutcome::Completed && entry.action == Action::Reset =>
                {
                    self.after_reset().await
                }
                // A run that is not known was killed before it wrote down anything.
                _ => self.start().await.map(|()| true),
            },
            Err(error) => Err(error),
        };
        match ended {
            Ok(true) => note(format_args!(
                "{} runs again, which an interrupted run had stopped",
                self.name
            )),
            Ok(false) => {}
            Err(error) => note(format_args!("warning: {}", chain(&error))),
        }
    }

    /// Starts what a reset has stopped, if it is to be; tells whether it was.
    async fn after_reset(&self) -> Result<bool, CommandError> {
        match self.is_started_after_reset {
            true => self.start().await?,
            false => self.forget().await?,
        }
        Ok(self.is_started_after_reset)
    }

    /// Starts what a reset has stopped that is committed.
    pub(crate) async fn after_commit(&self) -> Exit {
        if !self.is_stopped.load(Ordering::Relaxed) {
            return Exit::Done;
        }
        match self.after_reset().await {
            Ok(true) => {
                note(format_args!("{} runs again", self.name));
                Exit::Done
            }
            Ok(false) => Exit::Done,
            Err(error) => {
                let error = chain(&error);
                let name = &self.name;
                note(format_args!(
                    "warning: the reset is done, but {name} does not run: {error}: start it, or \
                     run `factory-reset recover`"
                ));
                Exit::Pending
            }
        }
    }
}
