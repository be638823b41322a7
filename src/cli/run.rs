use std::process::ExitCode;

use super::answer::Answer;
use super::arguments::{ResetArguments, ResetCommand};
use super::client::Client;
use super::command::Session;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::local::Local;
use super::remote::Remote;
use super::screen::{self, Screen, note};
use super::service::Service;
use super::show_past::recovered;
use super::shown::Run;
use super::target::Target;
use super::unopened;
use crate::engine::Engine;

impl ResetArguments {
    /// Does what the arguments say, and tells how it went: on stdout what was asked for, on
    /// stderr everything else. Signals that ask the process to end are taken from here on.
    ///
    /// `open` builds the engine as the service does, before its migrations; it is not called with
    /// `--url`. When it fails, the command ends with [`Exit::Unreachable`], unless a [`Failure`]
    /// among the error's sources says otherwise. Call it within a Tokio runtime with I/O and
    /// time.
    pub async fn run<Open, Opening, E>(self, target: Target, open: Open) -> ExitCode
    where
        Open: FnOnce() -> Opening,
        Opening: Future<Output = Result<Engine, E>>,
        E: std::error::Error + 'static,
    {
        let is_json = self.json;
        let exit = match self.ended(target, open).await {
            Ok(exit) => exit,
            Err(failure) => {
                if is_json {
                    let answer = Answer::of_failure(&failure);
                    Screen { is_json }.answer(&answer, String::new);
                }
                screen::error(&failure.text);
                failure.exit
            }
        };
        exit.into()
    }

    async fn ended<Open, Opening, E>(self, target: Target, open: Open) -> Result<Exit, Failure>
    where
        Open: FnOnce() -> Opening,
        Opening: Future<Output = Result<Engine, E>>,
        E: std::error::Error + 'static,
    {
        let interruption = Interruption::listen().map_err(|error| {
            let text = format!("signals cannot be received: {error}");
            Failure::new(Exit::Failed, text)
        })?;
        let screen = Screen { is_json: self.json };
        let (service, place): (Box<dyn Service>, _) = match &self.url {
            Some(url) => {
                let client = Client::new(url, self.token.clone())?;
                let place = target.at(client.base());
                (Box::new(Remote(client)), place)
            }
            None => {
                if let ResetCommand::Recover(asked) = &self.command
                    && asked.dry_run.dry_run
                {
                    return unopened::recover(&target, screen);
                }
                let opening = async { open().await.map_err(|error| Failure::of_opening(&error)) };
                let engine = interruption.or(opening).await?;
                tell_recovered(&engine)?;
                let place = target.here(engine.data_dir());
                (Box::new(Local(engine)), place)
            }
        };
        let session = Session {
            service,
            place,
            name: target.service,
            screen,
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

/// Says what opening the engine has ended.
fn tell_recovered(engine: &Engine) -> Result<(), Failure> {
    if let Some(entry) = engine.recovered() {
        let run: Run = Answer::of(&entry).read()?;
        note(recovered(&run));
    }
    Ok(())
}
