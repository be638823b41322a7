//! What a data directory tells without being opened.

use super::answer::Answer;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::target::Target;
use crate::error::chain;
use crate::journal::{self, JournalError, JournalState};

/// Says what `recover` would do.
pub(super) fn recover(target: &Target, console: &Console) -> Result<Exit, Failure> {
    let Some(data_dir) = &target.data_dir else {
        let text = "`--dry-run` cannot tell what would be recovered: leave it out";
        return Err(Failure::new(Exit::Usage, text));
    };
    let interrupted = journal::look(data_dir).map_err(|error| {
        let exit = match error {
            JournalError::Format { .. } => Exit::Undecided,
            _ => Exit::Unreachable,
        };
        Failure::new(exit, chain(&error))
    })?;
    let message = match interrupted {
        None => "there is nothing to recover".to_owned(),
        Some((run, JournalState::Committed)) => {
            format!("run {run} is committed: what it has left to do would be finished")
        }
        Some((run, _)) => format!(
            "run {run} was interrupted: it would be finished if it was committed, and undone \
             otherwise"
        ),
    };
    console.answer(&Answer::dry_run(&message), || format!("{message}\n"));
    Ok(Exit::Done)
}
