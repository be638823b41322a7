//! A directory in which the binary runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with a data directory in it.
pub(crate) struct Bench {
    directory: TempDir,
}

/// What a command has come to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes a file, with the directories around it.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    /// The binary with these arguments, about to run here, with nobody at a terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_factory-reset"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("FACTORY_RESET_MANIFEST")
            .env_remove("FACTORY_RESET_TOKEN")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Runs what must end well.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.exit, 0, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Runs what must end well, for its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        serde_json::from_str(&self.done(&arguments).stdout).unwrap()
    }

    /// Changes the manifest.
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        self.edit_at("factory-reset.toml", change);
    }

    /// Changes a manifest that is elsewhere.
    pub(crate) fn edit_at(&self, path: &str, change: impl FnOnce(String) -> String) {
        let text = change(self.read(path));
        self.write(path, text);
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            // Killed: no code.
            exit: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The one line that says what is wrong.
    pub(crate) fn error(&self) -> &str {
        let mut errors = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "));
        let error = errors.next().unwrap_or_else(|| panic!("{self:?}"));
        assert_eq!(errors.next(), None, "{self:?}");
        error
    }
}
