use std::error::Error;
use std::process::ExitCode;

use super::answer::Answer;
use super::arguments::{ResetArguments, ResetCommand};
use super::client::Client;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::local::Local;
use super::privileges::Roots;
use super::remote::Remote;
use super::service::Service;
use super::session::Session;
use super::show_past::recovered;
use super::shown::Run;
use super::target::Target;
use super::unopened;
use crate::engine::Engine;

impl ResetArguments {
    /// Makes this process one of the user who owns `roots`, unless that is its user already, or
    /// `--url` names a server, or `--as-root` is given. Call it before a Tokio runtime exists.
    ///
    /// # Errors
    ///
    /// As [`Roots::become_owner`]. Nothing may be opened then: end with [`fail`](Self::fail).
    pub fn become_owner(&self, roots: &Roots) -> Result<(), Failure> {
        match self.url {
            Some(_) => Ok(()),
            None => roots.become_owner(self.as_root),
        }
    }

    /// Ends the command with `failure`, printed as [`run`](Self::run) prints its own. For a host that
    /// finds a reason to open nothing.
    #[must_use]
    pub fn fail(&self, failure: &Failure) -> ExitCode {
        fail(&Console::standard().json(self.json), failure).into()
    }

    /// Does what the arguments say, and tells how it went: on stdout what was asked for, on
    /// stderr everything else. Signals that ask the process to end are taken from here on.
    ///
    /// `open` builds the engine as the service does, before its migrations; it is not called with
    /// `--url`. When it fails, the command ends with [`Exit::Unreachable`], unless a [`Failure`]
    /// among the error's sources says otherwise. Call it within a Tokio runtime with I/O and
    /// time.
    pub async fn run<E: Error + 'static>(
        self,
        target: Target,
        open: impl AsyncFnOnce() -> Result<Engine, E>,
    ) -> ExitCode {
        self.run_on(Console::standard(), target, open).await.into()
    }

    /// Like [`run`](Self::run), but tells how it goes on `console`.
    pub async fn run_on<E: Error + 'static>(
        self,
        console: Console,
        target: Target,
        open: impl AsyncFnOnce() -> Result<Engine, E>,
    ) -> Exit {
        let console = console.json(self.json);
        // Boxed here, so that a host need not: what a command does is large.
        match Box::pin(self.ended(&console, target, open)).await {
            Ok(exit) => exit,
            Err(failure) => fail(&console, &failure),
        }
    }

    async fn ended<E: Error + 'static>(
        self,
        console: &Console,
        target: Target,
        open: impl AsyncFnOnce() -> Result<Engine, E>,
    ) -> Result<Exit, Failure> {
        let interruption = Interruption::listen().map_err(|error| {
            let text = format!("signals cannot be received: {error}");
            Failure::new(Exit::Failed, text)
        })?;
        let (service, place): (Box<dyn Service>, _) = match &self.url {
            Some(url) => {
                let client = Client::new(url, self.token.clone())?;
                let place = target.at(client.shown());
                if client.is_exposed() {
                    console.warn(
                        "the token is sent without encryption, and others on the way to the \
                         server can read it: give `--url` an `https://` address",
                    );
                }
                let console = console.clone();
                (Box::new(Remote { client, console }), place)
            }
            None => {
                if let ResetCommand::Recover(asked) = &self.command
                    && asked.dry_run.dry_run
                {
                    let look = async { unopened::recover(&target, console) };
                    return interruption.or_exit(look).await;
                }
                let opening = async { open().await.map_err(|error| Failure::of_opening(&error)) };
                let engine = interruption.or_exit(opening).await?;
                tell_recovered(&engine, console)?;
                let place = target.here(engine.data_dir());
                (Box::new(Local(engine)), place)
            }
        };
        let session = Session {
            service,
            place,
            name: target.service,
            console: console.clone(),
            interruption,
        };
        match self.command {
            ResetCommand::Options => session.options().await,
            ResetCommand::Preview(asked) => session.preview(&asked).await,
            ResetCommand::Run(asked) => session.run(&asked).await,
            ResetCommand::Backup(asked) => session.backup(&asked).await,
            ResetCommand::Backups(asked) => session.backups(&asked).await,
            ResetCommand::Restore(asked) => session.restore(&asked).await,
            ResetCommand::History(asked) => session.history(asked).await,
            ResetCommand::Recover(_) => session.recover().await,
        }
    }
}

fn fail(console: &Console, failure: &Failure) -> Exit {
    if console.is_json() {
        console.answer(&Answer::of_failure(failure), String::new);
    }
    console.error(&failure.text);
    failure.exit
}

/// Says what opening the engine has ended.
fn tell_recovered(engine: &Engine, console: &Console) -> Result<(), Failure> {
    if let Some(entry) = engine.recovered() {
        let run: Run = Answer::of(&entry).read()?;
        console.note(recovered(&run));
    }
    Ok(())
}
