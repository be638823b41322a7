//! The two commands of a manifest, run with the rights of this process.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::command::{Command, CommandError};
use super::environment::environment;
use super::record::Record;
use crate::manifest;

/// How long stopping or starting may take unless the manifest says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The commands that stop and start a service, with the record of a service that is stopped.
#[derive(Debug)]
pub(crate) struct Commands {
    stop: Command,
    start: Command,
    record: Record,
    /// Whether this command line may run them.
    may_run: bool,
    /// Whether this process has stopped the service, and not started it again.
    has_stopped: AtomicBool,
}

impl Commands {
    /// Takes the commands of the manifest in the directory `base`; of what is wrong, the field.
    pub(super) fn new(
        service: &manifest::Service,
        base: &Path,
        data_dir: &Path,
        may_run: bool,
    ) -> Result<Self, (&'static str, String)> {
        let timeout = service.timeout.map_or(TIMEOUT, Duration::from_secs);
        if timeout.is_zero() {
            return Err(("service.timeout", "is 0: give it some seconds".to_owned()));
        }
        let environment =
            environment(&service.environment).map_err(|error| ("service.environment", error))?;
        let command = |field, words: &[String]| {
            let empty = "names no program: write `[\"program\", \"argument\"]`".to_owned();
            Command::new(words, base, timeout, environment.clone()).ok_or((field, empty))
        };
        Ok(Self {
            stop: command("service.stop", &service.stop)?,
            start: command("service.start", &service.start)?,
            record: Record::new(data_dir),
            may_run,
            has_stopped: AtomicBool::new(false),
        })
    }

    /// How long stopping may take.
    pub(super) fn timeout(&self) -> Duration {
        self.stop.timeout()
    }

    /// The commands that keep other users from changing the programs, with the field that
    /// names the program.
    pub(crate) fn fixes(&self) -> std::io::Result<Vec<(&'static str, String)>> {
        let mut fixes = Vec::new();
        for (field, command) in [("service.stop", &self.stop), ("service.start", &self.start)] {
            fixes.extend(command.fixes()?.into_iter().map(|fix| (field, fix)));
        }
        Ok(fixes)
    }

    /// Whether this process has stopped the service, and not started it again.
    pub(crate) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::Relaxed)
    }

    /// Stops the service for `run`.
    pub(crate) async fn stop(&self, run: Uuid) -> Result<(), CommandError> {
        self.check()?;
        self.record.set(run).map_err(CommandError::Record)?;
        self.has_stopped.store(true, Ordering::Relaxed);
        self.stop.run().await
    }

    /// Starts the service, if a run has stopped it.
    pub(crate) async fn start(&self) -> Result<(), CommandError> {
        self.check()?;
        if self.stopped_by()?.is_none() {
            return Ok(());
        }
        self.start.run().await?;
        self.forget()
    }

    /// Leaves the service as it is.
    pub(crate) fn forget(&self) -> Result<(), CommandError> {
        self.check()?;
        self.has_stopped.store(false, Ordering::Relaxed);
        self.record.clear().map_err(CommandError::Record)
    }

    /// The run that has stopped the service, if it has still to be started.
    pub(crate) fn stopped_by(&self) -> Result<Option<Uuid>, CommandError> {
        self.record.run().map_err(CommandError::Record)
    }

    fn check(&self) -> Result<(), CommandError> {
        match self.may_run {
            true => Ok(()),
            false => Err(CommandError::ReadOnly),
        }
    }
}
