//! Cleans up behind the test process, however it ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell that waits for the end of this process, or of this value, and then runs a command.
/// It learns of it by the end of its input, which the kernel closes whatever happens.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    /// Runs `script` at the end; `arguments` are its `$1` and so on.
    pub(crate) fn new(script: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", &format!("read -r _; {script}"), "guard"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts the tests must not reach it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start `sh`: {error}"));
        let input = shell.stdin.take();
        Self { shell, input }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.shell.wait() {
            eprintln!("could not clean up behind a test server: {error}");
        }
    }
}
