//! The files that a command reads with the caller's rights, before it becomes another user.

use std::io;
use std::path::{Path, PathBuf};

use factory_reset::cli::privileges::{open_regular, open_trusted, read_limited};
use factory_reset::cli::{Exit, Failure};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::setup::base;

/// How large a manifest may be, in bytes.
const MANIFEST: u64 = 1 << 20;

/// How large the script of factory rows may be, in bytes.
const SCRIPT: u64 = 64 << 20;

/// How large the file of a token may be, in bytes.
const TOKEN: u64 = 64 << 10;

/// A manifest and the script that it names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// As the caller names it, for messages and for relative paths.
    pub(crate) file: PathBuf,
    pub(crate) manifest: String,
    /// The text of `factory.script`, or why it cannot be read.
    pub(crate) script: Option<Result<String, String>>,
    /// What `--token-file` holds.
    pub(crate) token: Option<String>,
}

impl Inputs {
    /// Reads the manifest at `file`. Root refuses one that another user can change, because it
    /// names the commands that root runs.
    pub(crate) fn read(file: &Path, token: Option<&Path>) -> Result<Self, Failure> {
        let manifest = match read(file, MANIFEST) {
            Ok(Ok(text)) => text,
            Ok(Err(fixes)) => return Err(refused("the manifest", file, &fixes)),
            Err(error) => return Err(unreadable(file, &error)),
        };
        let script = Manifest::parse(file, &manifest)?.factory;
        let script = script.and_then(|factory| factory.script);
        let script = match script.map(|script| base(file).join(script)) {
            Some(script) => Some(match read(&script, SCRIPT) {
                Ok(Ok(text)) => Ok(text),
                Ok(Err(fixes)) => return Err(refused("`factory.script`", &script, &fixes)),
                Err(error) => Err(format!("`{}` cannot be read: {error}", script.display())),
            }),
            None => None,
        };
        Ok(Self {
            file: file.to_owned(),
            manifest,
            script,
            token: token.map(read_token).transpose()?,
        })
    }
}

fn read_token(file: &Path) -> Result<String, Failure> {
    match read(file, TOKEN) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(fixes)) => Err(refused("`--token-file`:", file, &fixes)),
        Err(error) => {
            let text = format!(
                "`--token-file`: `{}` cannot be read: {error}",
                file.display()
            );
            Err(Failure::new(Exit::Usage, text))
        }
    }
}

/// Reads a regular file of at most `limit` bytes through one handle. For root, returns the commands
/// that keep other users from changing it instead, if there are any.
fn read(path: &Path, limit: u64) -> io::Result<Result<String, Vec<String>>> {
    let file = match geteuid().is_root() {
        true => open_trusted(path)?,
        false => Ok(open_regular(path)?),
    };
    match file {
        Ok(file) => read_limited(&file, limit).map(Ok),
        Err(fixes) => Ok(Err(fixes)),
    }
}

/// Refuses a file that other users can change until `fixes` are made.
pub(crate) fn check(called: &str, path: &Path, fixes: &[String]) -> Result<(), Failure> {
    match fixes.is_empty() {
        true => Ok(()),
        false => Err(refused(called, path, fixes)),
    }
}

fn refused(called: &str, path: &Path, fixes: &[String]) -> Failure {
    let text = format!(
        "{called} `{}` can be changed by other users, who would gain the rights of root: run \
         `{}`, or use a copy in a directory of root",
        path.display(),
        fixes.join(" && ")
    );
    Failure::new(Exit::Refused, text)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => {
            ": write one with `factory-reset init`, or name it with `--manifest`"
        }
        _ => "",
    };
    let file = file.display();
    let text = format!("the manifest `{file}` cannot be read: {error}{remedy}");
    Failure::new(Exit::Usage, text)
}
