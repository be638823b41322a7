//! The commands that all hosts have, on a service that a manifest describes.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;

use factory_reset::cli::{Exit, Failure, ResetArguments, ResetCommand, Target};
use factory_reset::{Engine, EventKind, Events};

use crate::command_line::Connection;
use crate::setup::{OpenError, Setup};
use crate::told::note;

/// Does what `command` says.
pub(crate) async fn run(
    setup: Option<Result<Setup, Failure>>,
    connection: Connection,
    command: ResetCommand,
) -> ExitCode {
    let Connection {
        url,
        token,
        as_root,
        json,
    } = connection;
    let arguments = |command| ResetArguments {
        url,
        token,
        as_root,
        json,
        command,
    };
    // With `--url` there is none.
    let Some(setup) = setup else {
        let target = Target::new("factory-reset");
        return arguments(command).run(target, unopened).await;
    };
    let setup = match setup {
        Ok(setup) => setup,
        Err(failure) => return arguments(command).fail(&failure),
    };
    let may_collide = setup.service.is_none() && writes(&command);
    let is_asked = may_collide && is_asked(&command);
    let open = async || {
        let engine = setup.open().await?;
        if is_asked {
            tell_to_stop(setup.name());
        } else if may_collide {
            tell_when_it_begins(engine.events(), setup.name().to_owned());
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

/// Whether a service that writes meanwhile would be in the way.
fn writes(command: &ResetCommand) -> bool {
    match command {
        ResetCommand::Run(asked) => !asked.dry_run.dry_run,
        ResetCommand::Restore(asked) => !asked.dry_run.dry_run,
        _ => false,
    }
}

/// Whether somebody will be asked for the phrase, and can still stop the service.
fn is_asked(command: &ResetCommand) -> bool {
    let confirm = match command {
        ResetCommand::Run(asked) => &asked.confirm,
        ResetCommand::Restore(asked) => &asked.confirm,
        _ => return false,
    };
    confirm.is_none() && stdin().is_terminal()
}

/// Where nobody is asked, only what is not refused says so.
fn tell_when_it_begins(mut events: Events, name: String) {
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if matches!(event.kind, EventKind::Planned { .. } | EventKind::Drained) {
                return tell_to_stop(&name);
            }
        }
    });
}

fn tell_to_stop(name: &str) {
    note(format_args!(
        "note: make sure that {name} is stopped: nothing keeps it from writing meanwhile, unless \
         `[service]` in the manifest has it stopped"
    ));
}
