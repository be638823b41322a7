//! One command that stops or starts the service.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process;
use tokio::time::timeout;

/// How much of what a command says is told.
const MOST_SAID: usize = 500;

/// A program with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
}

/// Why a command did not do what it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("`{command}` could not be run: correct the command in the manifest")]
    Run {
        command: String,
        source: std::io::Error,
    },
    #[error("`{command}` failed ({status}){said}")]
    Failed {
        command: String,
        status: ExitStatus,
        said: String,
    },
    #[error(
        "`{command}` did not end within {} s, and was killed: raise `service.timeout`",
        .limit.as_secs()
    )]
    TimedOut { command: String, limit: Duration },
    #[error("could not note that the service is stopped")]
    Marker(#[source] std::io::Error),
}

impl Command {
    /// The program that is the first of `words`, with the others as its arguments.
    pub(super) fn new(words: &[String], directory: &Path, timeout: Duration) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        if program.is_empty() {
            return None;
        }
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            directory: directory.to_owned(),
            timeout,
        })
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Runs it to its end.
    pub(super) async fn run(&self) -> Result<(), CommandError> {
        let failed = |source| CommandError::Run {
            command: self.to_string(),
            source,
        };
        // What it says goes to a file: one that leaves a service running leaves it a pipe, too,
        // which would never end.
        let mut said = tempfile::tempfile().map_err(failed)?;
        let child = process::Command::new(&self.program)
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(failed)?)
            .stderr(said.try_clone().map_err(failed)?)
            // Ctrl-C is for us: what it means for the service is decided here.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(failed)?;
        let status = match timeout(self.timeout, child.wait()).await {
            Ok(status) => status.map_err(failed)?,
            Err(_) => {
                let command = self.to_string();
                let limit = self.timeout;
                return Err(CommandError::TimedOut { command, limit });
            }
        };
        if status.success() {
            return Ok(());
        }
        Err(CommandError::Failed {
            command: self.to_string(),
            status,
            said: last_said(&mut said),
        })
    }
}

/// The end of what a command has said, for a line.
fn last_said(file: &mut std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut said = Vec::new();
    if file
        .rewind()
        .and_then(|()| file.read_to_end(&mut said))
        .is_err()
    {
        return String::new();
    }
    let start = said.len().saturating_sub(MOST_SAID);
    let said = String::from_utf8_lossy(&said[start..]);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    match lines.join(" ").trim() {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.program)?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {argument}"))
    }
}
