//! Returns a service in any language to its factory state, as a manifest describes it.
//!
//! `factory-reset init` writes such a manifest; all other commands go by it. See `--help`, and
//! the type `Manifest` for what can stand in it.

mod check;
mod command_line;
mod generate;
mod init;
mod inputs;
mod log;
mod manifest;
mod privileges;
mod reset;
mod serve;
mod service;
mod setup;
mod steps;
mod told;

use std::process::ExitCode;

use clap::Parser;
use command_line::{Command, CommandLine};
use factory_reset::cli::{Exit, Failure, block_on};
use privileges::{Child, Link, Next, Prepared, prepare};
use setup::Setup;

fn main() -> ExitCode {
    // Before anything else: a child has the rights of root until it has become another user.
    let child = Child::inherited();
    log::write_to_stderr();
    let line = CommandLine::try_parse().unwrap_or_else(|error| told::misused(&error));
    let prepared = match child {
        Some(Ok(Child { inputs, stream })) => Prepared {
            inputs: inputs.map(Ok),
            stream: Some(stream),
        },
        Some(Err(failure)) => return told::failed(&failure),
        None => match prepare(&line) {
            Next::Work(prepared) => prepared,
            Next::Ended(exit) => return exit,
        },
    };
    block_on(run(line, prepared))
}

/// Does what `line` says, as the user whose data it is.
async fn run(line: CommandLine, prepared: Prepared) -> ExitCode {
    let CommandLine {
        manifest,
        connection,
        command,
    } = line;
    let Prepared { inputs, stream } = prepared;
    let link = match stream.map(Link::new).transpose() {
        Ok(link) => link,
        Err(error) => return told::failed(&Failure::new(Exit::Failed, error.to_string())),
    };
    let may_run = command.may_run_commands();
    let mut token = None;
    let setup = inputs.map(|inputs| {
        let inputs = inputs?;
        token.clone_from(&inputs.token);
        let setup = Setup::of(&inputs, may_run, link.clone())?;
        Ok(setup.trust_owner(connection.as_root))
    });
    let missing = || Err(Failure::new(Exit::Failed, "there is no manifest"));
    let done = match command {
        Command::Reset(command) => return reset::run(setup, connection, command).await,
        Command::Init(arguments) => init::run(&arguments, connection.as_root, link).await,
        Command::Check => {
            let setup = setup.unwrap_or_else(missing);
            check::run(&manifest, setup, connection.json).await
        }
        Command::Serve(arguments) => {
            let setup = setup.unwrap_or_else(missing);
            serve::run(setup, token, connection.token, arguments).await
        }
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { directory } => generate::man(directory.as_deref()),
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => told::failed(&failure),
    }
}

/// What every command comes to.
type Done = Result<(), Failure>;
