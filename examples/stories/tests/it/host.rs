//! How a `stories` is started.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fault_sweeps::Control;
use tempfile::TempDir;

use crate::server::Server;

/// Where a host keeps its state, and what it is told.
pub(crate) struct Host {
    directory: PathBuf,
    owned: Option<TempDir>,
    arguments: Vec<String>,
    variables: Vec<(&'static str, OsString)>,
}

impl Host {
    /// A data directory of its own, with SQLite and without Redis.
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        let mut host = Self::at(&owned.path().join("data"));
        host.owned = Some(owned);
        host
    }

    /// On a directory that somebody else keeps.
    pub(crate) fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            owned: None,
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// With example data, if it is fresh.
    pub(crate) fn demo(mut self) -> Self {
        self.arguments.push("--demo".to_owned());
        self
    }

    /// With its rows in the database at `url`.
    pub(crate) fn database(mut self, url: &str) -> Self {
        self.variables.push(("DATABASE_URL", url.into()));
        self
    }

    /// With its cache in the Redis server at `url`.
    pub(crate) fn redis(mut self, url: &str) -> Self {
        self.variables.push(("REDIS_URL", url.into()));
        self
    }

    /// With this secret to sign tokens.
    pub(crate) fn jwt_secret(mut self, secret: &str) -> Self {
        self.variables.push(("JWT_SECRET", secret.into()));
        self
    }

    /// With the shim that `control` controls.
    pub(crate) fn under(mut self, control: &Control) -> Self {
        self.variables.extend(control.environment(&self.directory));
        self
    }

    pub(crate) fn start(mut self) -> Server {
        let owned = self.owned.take();
        Server::run(self.command(), &self.directory, owned)
    }

    /// Where it may not start, because of what a fault has left. What it says then is the error.
    pub(crate) fn try_start(self) -> Result<Server, String> {
        let log = self.directory.with_file_name("stderr");
        let mut command = self.command();
        command.stderr(File::create(&log).unwrap());
        Server::try_run(command, &self.directory, None)
            .map_err(|_| std::fs::read_to_string(log).unwrap())
    }

    /// What it says when it does not start.
    pub(crate) fn fails(self) -> String {
        let output = self.command().output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// What `stories reset` says, on the same state.
    pub(crate) fn reset(&self, arguments: &[&str]) -> Output {
        let mut command = self.on(&["reset"]);
        command.args(arguments).stdin(Stdio::null());
        command.output().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = self.on(&["serve", "--bind", "127.0.0.1:0"]);
        command.args(&self.arguments);
        command
    }

    /// The program with `arguments`, on this host's state.
    fn on(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stories"));
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(&self.directory)
            // Not what whoever runs the tests has.
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .env_remove("JWT_SECRET")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
