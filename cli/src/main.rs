//! Returns a service in any language to its factory state, as a manifest describes it.
//!
//! `factory-reset init` writes such a manifest; all other commands go by it. See `--help`, and
//! the type `Manifest` for what can stand in it.

mod check;
mod command_line;
mod generate;
mod init;
mod log;
mod manifest;
mod reset;
mod serve;
mod service;
mod setup;
mod steps;
mod told;

use std::process::ExitCode;

use clap::Parser;
use command_line::{Command, CommandLine};
use factory_reset::cli::{Exit, Failure};

#[tokio::main]
async fn main() -> ExitCode {
    log::write_to_stderr();
    let CommandLine {
        manifest,
        connection,
        command,
    } = CommandLine::try_parse().unwrap_or_else(|error| told::misused(&error));
    let done = match command {
        Command::Reset(command) => return reset::run(&manifest, connection, command).await,
        Command::Init(arguments) => init::run(&arguments).await,
        Command::Check => check::run(&manifest, connection.json).await,
        Command::Serve(arguments) => serve::run(&manifest, connection.token, arguments).await,
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
