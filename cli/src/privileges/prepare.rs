//! Decides with whose rights a command works.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use factory_reset::cli::privileges::{Roots, check_trusted};
use factory_reset::cli::{Exit, Failure, ResetCommand};
use rustix::process::geteuid;

use super::parent::Parent;
use crate::command_line::{Command, CommandLine, InitArguments};
use crate::init;
use crate::inputs::{self, Inputs};
use crate::setup::Setup;
use crate::told;

/// What a command has when it begins.
#[derive(Default)]
pub(crate) struct Prepared {
    /// None for a command that goes by no manifest.
    pub(crate) inputs: Option<Result<Inputs, Failure>>,
    /// The way to the parent that keeps root.
    pub(crate) stream: Option<UnixStream>,
}

/// How it goes on.
pub(crate) enum Next {
    Work(Prepared),
    Ended(ExitCode),
}

/// Reads what the command on `line` needs, and finds out whose data it is. If root has to become
/// another user, a child does the command.
pub(crate) fn prepare(line: &CommandLine) -> Next {
    let as_root = line.connection.as_root;
    match &line.command {
        Command::Completions { .. } | Command::Man { .. } => Next::Work(Prepared::default()),
        Command::Init(arguments) => match for_init(arguments, as_root) {
            Ok(Some(parent)) => Next::Ended(parent.run()),
            Ok(None) => Next::Work(Prepared::default()),
            Err(failure) => Next::Ended(told::failed(&failure)),
        },
        Command::Reset(_) if line.connection.url.is_some() => Next::Work(Prepared::default()),
        Command::Reset(_) | Command::Check | Command::Serve(_) => {
            let token = match &line.command {
                Command::Serve(arguments) => arguments.token_file.as_deref(),
                _ => None,
            };
            let inputs = Inputs::read(&line.manifest, token);
            let parent = match &inputs {
                Ok(inputs) => for_setup(inputs, line.command.may_run_commands(), as_root),
                Err(_) => Ok(None),
            };
            match parent {
                Ok(Some(parent)) => Next::Ended(parent.run()),
                Ok(None) => Next::Work(Prepared {
                    inputs: Some(inputs),
                    stream: None,
                }),
                // The command tells it in its own way.
                Err(failure) => Next::Work(Prepared {
                    inputs: Some(Err(failure)),
                    stream: None,
                }),
            }
        }
    }
}

fn for_setup(inputs: &Inputs, may_run: bool, as_root: bool) -> Result<Option<Parent>, Failure> {
    let setup = Setup::of(inputs, may_run, None)?;
    if geteuid().is_root() {
        setup.check_trusted()?;
    }
    if as_root {
        Roots::warn();
        return Ok(None);
    }
    let owner = setup.roots()?.owner()?;
    Ok(owner.map(|owner| Parent {
        owner,
        inputs: Some(inputs.clone()),
        commands: setup.service.and_then(|service| service.commands()),
        output: None,
    }))
}

fn for_init(arguments: &InitArguments, as_root: bool) -> Result<Option<Parent>, Failure> {
    let output = init::check_output(arguments)?;
    if let Some(output) = output
        && geteuid().is_root()
    {
        check_directory(output)?;
    }
    if as_root {
        Roots::warn();
        return Ok(None);
    }
    let owner = init::roots(arguments)?.owner()?;
    Ok(owner.map(|owner| Parent {
        owner,
        inputs: None,
        commands: None,
        output: output.map(|output| (output.to_owned(), arguments.force)),
    }))
}

/// Makes sure that root can use the manifest that it writes to `output`.
fn check_directory(output: &Path) -> Result<(), Failure> {
    let fixes = check_trusted(output).map_err(|error| {
        let text = format!("`--output`: `{}`: {error}", output.display());
        Failure::new(Exit::Unreachable, text)
    })?;
    inputs::check("`--output`:", output, &fixes)
}

impl Command {
    /// Whether it may stop or start the service: only what changes something does.
    pub(crate) fn may_run_commands(&self) -> bool {
        match self {
            Self::Serve(_) => true,
            Self::Reset(ResetCommand::Run(asked)) => !asked.dry_run.dry_run,
            Self::Reset(ResetCommand::Restore(asked)) => !asked.dry_run.dry_run,
            Self::Reset(ResetCommand::Recover(asked)) => !asked.dry_run.dry_run,
            _ => false,
        }
    }
}
