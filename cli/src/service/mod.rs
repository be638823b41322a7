//! The service itself, as something that runs.

mod command;
mod marker;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use command::{Command, CommandError};
use factory_reset::cli::Exit;
use factory_reset::{Engine, RunOutcome, chain};
use marker::Marker;

use crate::manifest;
use crate::told::note;

/// How long stopping or starting may take unless the manifest says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A service that commands stop and start.
pub(crate) struct Service {
    name: String,
    stop: Command,
    start: Command,
    is_started_after_reset: bool,
    /// Whether this process has stopped it, and not started it again.
    is_stopped: AtomicBool,
    /// That we have stopped it, and have it still to start: also when this process is killed.
    marker: Marker,
}

impl Service {
    /// Takes the commands of the manifest in the directory `base`; of what is wrong, the field.
    pub(crate) fn new(
        name: &str,
        service: &manifest::Service,
        base: &Path,
        data_dir: &Path,
    ) -> Result<Self, (&'static str, &'static str)> {
        let timeout = service.timeout.map_or(TIMEOUT, Duration::from_secs);
        if timeout.is_zero() {
            return Err(("service.timeout", "is 0: give it some seconds"));
        }
        let command = |field, words: &[String]| {
            let empty = "names no program: write `[\"program\", \"argument\"]`";
            Command::new(words, base, timeout).ok_or((field, empty))
        };
        Ok(Self {
            name: name.to_owned(),
            stop: command("service.stop", &service.stop)?,
            start: command("service.start", &service.start)?,
            is_started_after_reset: service.start_after_reset.unwrap_or(true),
            is_stopped: AtomicBool::new(false),
            marker: Marker::new(data_dir),
        })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long the engine waits for it to stop: longer than the command may take.
    pub(crate) fn patience(&self) -> Duration {
        self.stop.timeout() + Duration::from_secs(5)
    }

    /// Stops it.
    pub(crate) async fn stop(&self) -> Result<(), CommandError> {
        self.marker.set().map_err(CommandError::Marker)?;
        self.is_stopped.store(true, Ordering::Relaxed);
        self.stop.run().await
    }

    /// Starts it.
    pub(crate) async fn start(&self) -> Result<(), CommandError> {
        self.start.run().await?;
        self.is_stopped.store(false, Ordering::Relaxed);
        self.marker.clear().map_err(CommandError::Marker)
    }

    /// Starts what a run has stopped that came to no end, now that the engine has ended it.
    pub(crate) async fn after_interruption(&self, engine: &Engine) {
        if !self.marker.is_set() {
            return;
        }
        let outcome = engine.recovered().map(|run| run.outcome);
        let ended = match outcome {
            Some(RunOutcome::Completed) => self.after_reset().await,
            _ => self.start().await.map(|()| true),
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
        if self.is_started_after_reset {
            self.start().await?;
        } else {
            self.is_stopped.store(false, Ordering::Relaxed);
            self.marker.clear().map_err(CommandError::Marker)?;
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
