//! Scripts for PostgreSQL's shell.

use std::process::Command;

use super::Contestant;
use crate::arena::Field;
use crate::process::Start;

/// A script for `psql`; what is in the transaction is sent at once, as one
/// message.
#[derive(Debug, Clone)]
pub(crate) struct Psql {
    tables: Vec<String>,
}

impl Psql {
    /// Empties `tables`, in this order.
    pub(crate) fn new(tables: Vec<String>) -> Self {
        Self { tables }
    }

    /// Row by row.
    pub(crate) fn delete(self) -> Contestant {
        let deletes = self.each("DELETE FROM");
        Contestant::new(
            "psql, DELETE",
            "one transaction, `DELETE FROM` each table, children first; counts as it deletes; \
             factory rows are lost, the space is not given back, old bytes stay readable",
            move |field| start(field, &deletes, ""),
        )
    }

    /// Row by row, and nothing of them is left.
    pub(crate) fn delete_and_vacuum(self) -> Contestant {
        let deletes = self.each("DELETE FROM");
        let rewrite = format!("VACUUM (FULL) {};\n", self.tables.join(", "));
        Contestant::new(
            "psql, DELETE + VACUUM FULL",
            "the same, and `VACUUM (FULL)` of all tables after it, which makes their files anew; \
             factory rows are lost; killed before the VACUUM, old bytes stay readable",
            move |field| start(field, &deletes, &rewrite),
        )
    }

    /// Table by table.
    pub(crate) fn truncate(self) -> Contestant {
        let truncate = format!("TRUNCATE {}\\; ", self.tables.join(", "));
        Contestant::new(
            "psql, TRUNCATE",
            "one `TRUNCATE` of all tables; counts nothing; factory rows are lost",
            move |field| start(field, &truncate, ""),
        )
    }

    /// Table by table, with exact counts.
    pub(crate) fn count_and_truncate(self) -> Contestant {
        let tables = self.tables.join(", ");
        let counts = self.each("SELECT count(*) FROM");
        let script = format!(
            "LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE\\; {counts}TRUNCATE {tables}\\; "
        );
        Contestant::new(
            "psql, count + TRUNCATE",
            "locks all tables, counts each, one `TRUNCATE` of all; factory rows are lost",
            move |field| start(field, &script, ""),
        )
    }

    fn each(&self, statement: &str) -> String {
        let tables = self.tables.iter();
        tables
            .map(|table| format!("{statement} {table}\\; "))
            .collect()
    }
}

/// The `script` in a transaction, and `after` it statements that cannot be in one.
fn start(field: &Field, script: &str, after: &str) -> Start {
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", "psql", "--no-psqlrc", "--quiet", "--tuples-only"])
        .args(["--set=ON_ERROR_STOP=1", "--dbname", &field.database]);
    Start {
        before: "SELECT count(*) FROM pg_class;\n\\echo ready\n".to_owned(),
        go: format!("BEGIN\\; {script}COMMIT;\n\\echo committed\n{after}\\echo done\n"),
        ..Start::program(command)
    }
}
