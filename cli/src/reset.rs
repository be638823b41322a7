//! The commands that all hosts have, on a service that a manifest describes.

use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::ExitCode;

use factory_reset::Engine;
use factory_reset::cli::{Exit, Failure, ResetArguments, ResetCommand, Target};

use crate::command_line::Connection;
use crate::setup::{OpenError, Setup};
use crate::told::note;

/// Does what `command` says.
pub(crate) async fn run(file: &Path, connection: Connection, command: ResetCommand) -> ExitCode {
    let Connection { url, token, json } = connection;
    let is_local = url.is_none();
    let arguments = |command| ResetArguments {
        url,
        token,
        json,
        command,
    };
    if !is_local {
        let target = Target::new("factory-reset");
        return arguments(command).run(target, unopened).await;
    }
    let setup = match Setup::read(file) {
        Ok(setup) => setup,
        Err(failure) => {
            // Told like every other failure, in JSON where that is asked for.
            let target = Target::new("factory-reset");
            let open = async move || Err::<Engine, _>(failure);
            return arguments(ResetCommand::Options).run(target, open).await;
        }
    };
    let may_collide = setup.service.is_none() && is_about_to_write(&command, &setup.confirmation);
    let open = async || {
        let engine = setup.open().await?;
        if may_collide {
            note(format_args!(
                "note: make sure that {} is stopped: nothing keeps it from writing meanwhile, \
                 unless `[service]` in the manifest has it stopped",
                setup.name()
            ));
        }
        Ok::<_, OpenError>(engine)
    };
    let exit = arguments(command).run(setup.target(), open).await;
    let Some(service) = &setup.service else {
        return exit;
    };
    // Who does not know which state stands lets nobody in.
    if exit == ExitCode::from(Exit::Undecided) {
        return exit;
    }
    match service.after_commit().await {
        Exit::Pending if exit == ExitCode::SUCCESS => Exit::Pending.into(),
        _ => exit,
    }
}

async fn unopened() -> Result<Engine, Failure> {
    Err(Failure::new(
        Exit::Usage,
        "there is no engine behind an address",
    ))
}

/// Whether a service that writes meanwhile would be in the way, as far as can be told before: a
/// command that is refused for its phrase writes nothing.
fn is_about_to_write(command: &ResetCommand, phrase: &str) -> bool {
    let (dry_run, confirm) = match command {
        ResetCommand::Run(asked) => (&asked.dry_run, &asked.confirm),
        ResetCommand::Restore(asked) => (&asked.dry_run, &asked.confirm),
        _ => return false,
    };
    let is_confirmed = match confirm {
        Some(typed) => typed == phrase,
        None => stdin().is_terminal(),
    };
    !dry_run.dry_run && is_confirmed
}
