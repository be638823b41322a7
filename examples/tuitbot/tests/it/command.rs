//! `tuitbot reset`, as its users meet it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What a command has told, and how it has ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Whether it has ended with `code`, and said one line about it that holds `says`.
    pub(crate) fn fails(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let errors = self.err.lines().filter(|line| line.starts_with("error: "));
        let errors: Vec<_> = errors.collect();
        assert!(
            matches!(errors[..], [error] if error.contains(says)),
            "{self:?}"
        );
    }

    pub(crate) fn succeeds(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }
}

/// The program, without anything from around the test.
pub(crate) fn tuitbot() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuitbot"));
    command
        .env_remove("FACTORY_RESET_TOKEN")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// `tuitbot reset` on `directory`.
pub(crate) fn reset(directory: &Path) -> Command {
    let mut command = tuitbot();
    command.args(["reset", "--data-dir"]).arg(directory);
    command
}

/// Waits for it to end.
pub(crate) fn told(command: &mut Command, arguments: &[&str]) -> Told {
    let output = command.args(arguments).output().unwrap();
    Told {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that goes on. Killed when dropped.
pub(crate) struct Running {
    process: Child,
    lines: BufReader<std::process::ChildStderr>,
    told: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command, arguments: &[&str]) -> Self {
        let command = command.args(arguments).stdout(Stdio::null());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap());
        Self {
            process,
            lines,
            told: String::new(),
        }
    }

    /// Waits until it says a line with `part` in it.
    pub(crate) fn says(&mut self, part: &str) {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended without saying `{part}`: {}", self.told);
            self.told += &line;
            if line.contains(part) {
                break;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end; returns its exit code and all that it said on stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.lines.read_to_string(&mut self.told).unwrap();
        let status = self.process.wait().unwrap();
        (status.code(), std::mem::take(&mut self.told))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
