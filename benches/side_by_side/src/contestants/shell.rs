//! The script that somebody writes who knows SQLite well, in SQLite's own shell.

use std::process::Command;

use super::Contestant;
use crate::arena::Field;
use crate::process::Start;

/// A script for `sqlite3`.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// What is done around the deletes, in the same transaction.
    around: (String, String),
    /// What empties the tables.
    deletes: String,
    counts: String,
    secure_delete: &'static str,
}

impl Shell {
    /// Empties `tables`.
    pub(crate) fn new(tables: &[String]) -> Self {
        let each = |statement: &str| -> String {
            let statements = tables
                .iter()
                .map(|table| format!("{statement} \"{table}\";\n"));
            statements.collect()
        };
        Self {
            around: Default::default(),
            deletes: each("DELETE FROM"),
            counts: each("SELECT count(*) FROM"),
            secure_delete: "OFF",
        }
    }

    /// Has triggers dropped before the deletes and created after them.
    pub(crate) fn around(mut self, before: &str, after: &str) -> Self {
        self.around = (before.to_owned(), after.to_owned());
        self
    }

    /// Empties `table` with a statement of its own.
    pub(crate) fn instead(mut self, table: &str, statement: &str) -> Self {
        let delete = format!("DELETE FROM \"{table}\";");
        self.deletes = self.deletes.replace(&delete, statement);
        self
    }

    /// Overwrites what it deletes.
    pub(crate) fn secure_delete(mut self) -> Self {
        self.secure_delete = "ON";
        self
    }

    /// The deletes alone.
    pub(crate) fn bare(self) -> Contestant {
        Contestant::new(
            "expert's script, bare",
            "sqlite3 shell: foreign keys off before BEGIN, `DELETE FROM` each table, COMMIT; \
             counts nothing, factory rows are lost, the space is not given back, old bytes stay \
             readable; no files",
            move |field| self.start(field, "", ""),
        )
    }

    /// The deletes with what ours does besides.
    pub(crate) fn whole(self) -> Contestant {
        Contestant::new(
            "expert's script, whole",
            "the same, with `count(*)` of each table in the transaction, and `VACUUM` and \
             `wal_checkpoint(TRUNCATE)` after it; factory rows are lost; no files; killed before \
             the VACUUM, old bytes stay readable",
            move |field| {
                let shrink = "VACUUM;\nPRAGMA wal_checkpoint(TRUNCATE);\n";
                self.start(field, &self.counts, shrink)
            },
        )
    }

    fn start(&self, field: &Field, counts: &str, shrink: &str) -> Start {
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "sqlite3", "-batch", "-bail", &field.database]);
        let Self {
            around: (before, after),
            deletes,
            secure_delete,
            ..
        } = self;
        Start {
            before: format!(
                ".timeout 60000\nPRAGMA synchronous = EXTRA;\n\
                 PRAGMA secure_delete = {secure_delete};\nPRAGMA foreign_keys = OFF;\n\
                 SELECT count(*) FROM sqlite_schema;\n.print ready\n"
            ),
            go: format!(
                "BEGIN IMMEDIATE;\n{counts}{before}{deletes}{after}COMMIT;\n.print committed\n\
                 {shrink}.print done\n"
            ),
            ..Start::program(command)
        }
    }
}
