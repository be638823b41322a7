//! A contestant's process, seen from outside. All keep to one protocol: say `ready`, wait for a
//! sign, work, say `committed` when the data is gone for everybody else, and `done`. So nobody
//! is charged for the start of his process, and all are timed by the same clock.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How a contestant is started.
pub(crate) struct Start {
    /// The program.
    pub(crate) command: Command,
    /// What it reads before it says `ready`.
    pub(crate) before: String,
    /// The sign to begin.
    pub(crate) go: String,
    /// Whether the process itself does the work, so that its memory says something.
    pub(crate) works_itself: bool,
}

impl Start {
    /// A program that keeps to the protocol by itself.
    pub(crate) fn program(command: Command) -> Self {
        Self {
            command,
            before: String::new(),
            go: "go\n".to_owned(),
            works_itself: true,
        }
    }

    /// A program that does not, and whose end is the end of its work.
    pub(crate) fn tool(program: &str, arguments: &[&str]) -> Self {
        let script = "echo ready; read _; \"$@\" >/dev/null || exit 1; echo done; cat";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", program]).args(arguments);
        Self {
            works_itself: false,
            ..Self::program(command)
        }
    }
}

/// A contestant that is ready.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    go: String,
    works_itself: bool,
    told: String,
}

/// What a contestant took.
pub(crate) struct Run {
    /// When it got the sign.
    pub(crate) began: Instant,
    /// When what it cleared was gone for everybody else, if it has said so.
    pub(crate) committed: Option<Instant>,
    /// When it had done all its work.
    pub(crate) ended: Instant,
    /// The most memory that it had beyond what it had when it was ready, in bytes.
    pub(crate) peak: Option<u64>,
    /// In which way it says that it did it.
    pub(crate) way: Option<String>,
    /// What it says that it has left for later.
    pub(crate) pending: Option<String>,
    /// How long it says that somebody else had to wait.
    pub(crate) wait: Option<Duration>,
}

impl Process {
    /// Starts a contestant and waits until it is ready.
    pub(crate) fn start(start: Start) -> Result<Self, Failure> {
        let mut command = start.command;
        let told = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("failed to start {told}: {error}; see `benches/run`"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child has no pipes".into());
        };
        let mut process = Self {
            child,
            input,
            output: BufReader::new(output),
            go: start.go,
            works_itself: start.works_itself,
            told,
        };
        process.tell(&start.before)?;
        while process.line()? != "ready" {}
        Ok(process)
    }

    /// Lets it work, and waits for its end.
    pub(crate) fn run(mut self) -> Result<Run, Failure> {
        let status = format!("/proc/{}/status", self.child.id());
        // From here on the peak is that of the work.
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?;
        let idle = bytes(&status, "VmRSS:")?;
        let go = std::mem::take(&mut self.go);
        let began = Instant::now();
        self.tell(&go)?;
        let (mut committed, mut way, mut pending, mut wait) = (None, None, None, None);
        loop {
            let line = self.line()?;
            match line.split_once(' ') {
                None if line == "committed" => committed = Some(Instant::now()),
                None if line == "done" => break,
                Some(("way", told)) => way = Some(told.to_owned()),
                Some(("pending", told)) => pending = Some(told.to_owned()),
                Some(("wait", told)) => wait = Some(Duration::from_micros(told.parse()?)),
                _ => {}
            }
        }
        let ended = Instant::now();
        let peak = bytes(&status, "VmHWM:")?.saturating_sub(idle);
        drop(self.input);
        let code = self.child.wait()?;
        if !code.success() {
            return Err(format!("{} failed: {code}", self.told).into());
        }
        Ok(Run {
            began,
            committed,
            ended,
            peak: self.works_itself.then_some(peak),
            way,
            pending,
            wait,
        })
    }

    fn tell(&mut self, text: &str) -> Result<(), Failure> {
        self.input.write_all(text.as_bytes())?;
        Ok(self.input.flush()?)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            let code = self.child.wait()?;
            return Err(format!("{} ended before its work did: {code}", self.told).into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

/// A field of a process's status that is told in kibibytes.
fn bytes(status: &str, field: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string(status)?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next());
    let kibibytes: u64 = kibibytes.ok_or("a process has no memory")?.parse()?;
    Ok(kibibytes * 1024)
}
