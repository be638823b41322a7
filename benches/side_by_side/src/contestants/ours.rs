//! This program in a process of its own: ours, the ancestor's way, and the bare counts.

use std::path::PathBuf;
use std::process::Command;

use super::{Contestant, OURS};
use crate::arena::Field;
use crate::failure::Failure;
use crate::process::Start;

/// A host of ours, in a process of its own.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    program: PathBuf,
    arguments: Vec<String>,
    has_database: bool,
}

impl Host {
    /// One with nothing yet.
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: Vec::new(),
            has_database: false,
        })
    }

    /// With the field's database, whose schema `migrations` make.
    pub(crate) fn database(mut self, migrations: impl Into<PathBuf>) -> Self {
        self.has_database = true;
        let migrations: PathBuf = migrations.into();
        self.with(&["--migrations", &migrations.display().to_string()])
    }

    /// Which preserves `table`.
    pub(crate) fn preserving(self, table: &str) -> Self {
        self.with(&["--preserve", table])
    }

    /// With the field's media.
    pub(crate) fn media(self) -> Self {
        self.with(&["--media", "media"])
    }

    /// Whose SQLite overwrites what it deletes.
    pub(crate) fn secure_delete(self) -> Self {
        self.with(&["--secure-delete"])
    }

    /// Through whose gate somebody goes meanwhile.
    pub(crate) fn passed(self) -> Self {
        self.with(&["--passed"])
    }

    /// Of which only `tables` are meant.
    pub(crate) fn only(self, tables: &[impl AsRef<str>]) -> Self {
        let tables: Vec<_> = tables.iter().map(AsRef::as_ref).collect();
        self.with(&["--tables", &tables.join(",")])
    }

    /// The reset of it.
    pub(crate) fn reset(self) -> Contestant {
        self.reset_called(
            OURS,
            "`Engine::reset`, after a preview and a further write: counts exactly, puts the rows \
             of a fresh install back, gives the space back and leaves no old byte readable; files \
             and rows go together or not at all, also when it is killed; whole: until the report \
             is written",
        )
    }

    /// The reset of it by clearing, as where no factory image can take the database's place.
    pub(crate) fn reset_by_clearing(self) -> Contestant {
        let does = "the same with factory images switched off: table by table";
        self.with(&["--clearing"])
            .reset_called("factory-reset, clearing", does)
    }

    fn reset_called(self, name: &'static str, does: &'static str) -> Contestant {
        Contestant::new(name, does, move |field| self.start("reset", field))
    }

    /// A preview of it.
    pub(crate) fn preview(self) -> Contestant {
        let does = "`Engine::plan`: exact counts, files and bytes, what stays, what nobody \
                    claims, what is in the way, and a digest of it all";
        Contestant::new(OURS, does, move |field| self.start("preview", field))
    }

    /// A preview that follows another one.
    pub(crate) fn next_preview(self) -> Contestant {
        self.with(&["--warm"]).preview()
    }

    fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    fn start(&self, role: &str, field: &Field) -> Start {
        let mut command = Command::new(&self.program);
        command.arg(role).arg("--directory").arg(&field.directory);
        if self.has_database {
            command.arg("--database").arg(&field.database);
        }
        command.args(&self.arguments);
        Start::program(command)
    }
}

/// The ancestor's way; `tables` with children before their parents.
pub(crate) fn ancestor(tables: &[String]) -> Result<Contestant, Failure> {
    let program = std::env::current_exe()?;
    let tables = tables.join(",");
    Ok(Contestant::new(
        "the ancestor's way",
        "in process, one transaction, `DELETE FROM` each table of a list, children first (the \
         ancestor's is kept by hand), foreign keys on; counts as it deletes; factory rows are lost, the space is not given \
         back, old bytes stay readable; no files",
        move |field| {
            let mut command = Command::new(&program);
            command.args(["ancestor", "--database", &field.database]);
            command.args(["--tables", &tables]);
            Start::program(command)
        },
    ))
}

/// The counts alone.
pub(crate) fn counts(tables: &[String]) -> Result<Contestant, Failure> {
    let program = std::env::current_exe()?;
    let tables = tables.join(",");
    Ok(Contestant::new(
        "bare counts",
        "`SELECT count(*)` for each table through sqlx on one warm connection, and nothing else",
        move |field| {
            let mut command = Command::new(&program);
            command.args(["counts", "--database", &field.database, "--tables", &tables]);
            Start::program(command)
        },
    ))
}
