//! Scripts in Python, with what they need in an environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Contestant;
use crate::arena::PRESERVED;
use crate::failure::Failure;
use crate::process::Start;

/// Where the scripts are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contestants");

/// A Python that has what `requirements.txt` names.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// Makes the environment in `directory`, or brings it up to date.
    pub(crate) fn install(directory: &Path) -> Result<Self, Failure> {
        let program = directory.join("bin/python");
        if !program.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
        }
        let requirements = format!("{SCRIPTS}/requirements.txt");
        run(Command::new(&program)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--requirement", &requirements]))?;
        Ok(Self { program })
    }

    /// Which SQLite it has.
    pub(crate) fn sqlite_version(&self) -> Result<String, Failure> {
        let version = "import sqlite3; print(sqlite3.sqlite_version)";
        let output = Command::new(&self.program).args(["-c", version]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// SQLAlchemy's way to empty a database.
    pub(crate) fn sqlalchemy(&self, tables: &[String]) -> Contestant {
        let start = self.script("sqlalchemy_delete.py", tables);
        Contestant::new(
            "SQLAlchemy",
            "`table.delete()` for each table in sorted order, one transaction, foreign keys off \
             (its default on SQLite); factory rows are lost, the space is not given back, old \
             bytes stay readable; no files",
            move |field| start(&field.database),
        )
    }

    /// Django's way.
    pub(crate) fn django(&self, tables: &[String]) -> Contestant {
        let start = self.script("django_flush.py", tables);
        Contestant::new(
            "Django flush",
            "`flush` over models made by `inspectdb`, every foreign key indexed, deferred and \
             without an action, as Django has them; factory rows are lost, the space is not given back, old bytes stay \
             readable; no files",
            move |field| start(&field.database),
        )
    }

    /// Python's own way to remove a directory.
    pub(crate) fn rmtree(&self) -> Contestant {
        let start = self.script("rmtree.py", &[]);
        Contestant::new(
            "shutil.rmtree",
            "Python; unlinks file by file; nothing is counted; killed, it leaves a part",
            move |field| start(&field.media.display().to_string()),
        )
    }

    fn script(&self, name: &str, tables: &[String]) -> impl Fn(&str) -> Start + 'static {
        let program = self.program.clone();
        let script = format!("{SCRIPTS}/{name}");
        let tables: Vec<_> = tables
            .iter()
            .filter(|table| *table != PRESERVED)
            .cloned()
            .collect();
        move |target| {
            let mut command = Command::new(&program);
            command.arg("-B").arg(&script).arg(target).args(&tables);
            Start::program(command)
        }
    }
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} failed: {status}; see `benches/run`").into()),
        Err(error) => Err(format!("failed to run {command:?}: {error}; see `benches/run`").into()),
    }
}
