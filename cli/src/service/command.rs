//! One command that stops or starts the service.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use factory_reset::cli::privileges::{check_trusted, open_regular};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process;
use tokio::time::{interval, timeout};

use super::environment::PATH;
use crate::privileges::Gone;

/// How many bytes of the output are shown.
const MOST_SHOWN: u64 = 500;

/// How many bytes a command may write.
const MOST_WRITTEN: u64 = 16 << 20;

/// How often the output is measured.
const PAUSE: Duration = Duration::from_millis(100);

/// A program with its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    program: String,
    /// The file; none where there is no such program.
    file: Option<PathBuf>,
    arguments: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
    /// The whole of it.
    environment: Vec<(String, OsString)>,
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
    #[error("`{command}` has written more than {limit} bytes, and was killed")]
    Verbose { command: String, limit: u64 },
    #[error("could not write down or read which run has stopped the service")]
    Record(#[source] io::Error),
    #[error("a command that only reads stops and starts no service")]
    ReadOnly,
    #[error(transparent)]
    Parent(#[from] Gone),
}

impl Command {
    /// The program that is the first of `words`, with the others as its arguments. It sees
    /// nothing of the environment but `environment`.
    pub(super) fn new(
        words: &[String],
        directory: &Path,
        timeout: Duration,
        environment: Vec<(String, OsString)>,
    ) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        if program.is_empty() {
            return None;
        }
        Some(Self {
            program: program.clone(),
            file: file(program, directory),
            arguments: arguments.to_vec(),
            directory: directory.to_owned(),
            timeout,
            environment,
        })
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The commands that keep other users from changing what is run: the program, every file and
    /// directory that an argument names, because that may be or hold a script, and the interpreters
    /// of scripts. Text inside a shell command is not looked at, but for its first path.
    pub(super) fn fixes(&self) -> io::Result<Vec<String>> {
        let mut fixes = match &self.file {
            Some(file) => check_trusted(file)?,
            None => Vec::new(),
        };
        for argument in &self.arguments {
            // As in `--file=path` and `-C/path`.
            let value = argument.split_once('=').map(|(_, value)| value);
            let glued = argument.find('/').and_then(|start| argument.get(start..));
            for named in [Some(argument.as_str()), value, glued]
                .into_iter()
                .flatten()
            {
                let path = self.directory.join(named);
                if path.exists() {
                    fixes.extend(check_trusted(&path)?);
                }
                if let Some(interpreter) = interpreter(&path) {
                    fixes.extend(check_trusted(&interpreter)?);
                }
            }
        }
        if let Some(interpreter) = self.file.as_deref().and_then(interpreter) {
            fixes.extend(check_trusted(&interpreter)?);
        }
        Ok(fixes)
    }

    /// Runs it to its end.
    pub(super) async fn run(&self) -> Result<(), CommandError> {
        let failed = |source| CommandError::Run {
            command: self.to_string(),
            source,
        };
        let Some(program) = &self.file else {
            return Err(failed(io::ErrorKind::NotFound.into()));
        };
        // The output goes to a file, because a service that the command leaves running would
        // keep a pipe open for ever.
        let mut output = tempfile::tempfile().map_err(failed)?;
        let child = process::Command::new(program)
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output.try_clone().map_err(failed)?)
            // Ctrl-C is for us: what it means for the service is decided here.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(failed)?;
        let mut group = Group::of(&child);
        let waited = timeout(self.timeout, async {
            tokio::select! {
                status = child.wait() => Some(status),
                () = is_verbose(&output) => None,
            }
        });
        let (command, limit) = (self.to_string(), self.timeout);
        let status = match waited.await {
            Ok(Some(status)) => status.map_err(failed)?,
            Ok(None) => {
                let limit = MOST_WRITTEN;
                return Err(CommandError::Verbose { command, limit });
            }
            Err(_) => return Err(CommandError::TimedOut { command, limit }),
        };
        group.0 = None;
        if status.success() {
            return Ok(());
        }
        Err(CommandError::Failed {
            command,
            status,
            said: last_said(&mut output),
        })
    }
}

/// The file of `program`: a path relative to `directory`, or a name that is looked for in the
/// fixed `PATH`.
fn file(program: &str, directory: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(directory.join(program));
    }
    let places = PATH.split(':').map(|place| Path::new(place).join(program));
    places.into_iter().find(|file| file.is_file())
}

/// A command with everything that it has begun in its group, killed when dropped: a command that
/// is given up must not go on beside the one that follows it.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &process::Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Self(leader.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Its number cannot belong to another one, because the leader is not waited for yet.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Waits until `output` is too long.
async fn is_verbose(output: &File) {
    let mut pauses = interval(PAUSE);
    loop {
        pauses.tick().await;
        let length = output.metadata().map_or(0, |metadata| metadata.len());
        if length > MOST_WRITTEN {
            return;
        }
    }
}

/// The program that the first line of a script names.
fn interpreter(script: &Path) -> Option<PathBuf> {
    // As much of the line as Linux reads.
    const LONGEST: u64 = 256;
    let file = open_regular(script).ok()?;
    let mut line = Vec::new();
    file.take(LONGEST).read_to_end(&mut line).ok()?;
    let line = line.strip_prefix(b"#!")?;
    let line = String::from_utf8_lossy(line);
    let program = line.lines().next()?.split_whitespace().next()?;
    Some(PathBuf::from(program))
}

/// The end of what a command has said, for a line.
fn last_said(file: &mut File) -> String {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let start = SeekFrom::Start(length.saturating_sub(MOST_SHOWN));
    let mut said = Vec::new();
    if file
        .seek(start)
        .and_then(|_| file.take(MOST_SHOWN).read_to_end(&mut said))
        .is_err()
    {
        return String::new();
    }
    let said = String::from_utf8_lossy(&said);
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
