//! Where the rows of a fresh install come from when there are no migrations to run.

use std::fmt;

/// Where the rows of a fresh install come from, for a service whose schema is not made by
/// migrations of its host.
///
/// The tables that such a source does not have belong to nobody: they are unclaimed, unless a
/// step names them. One that has a table or a column that the service's database lacks is an
/// error.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactoryRows {
    /// There are none: a fresh install has the tables that are there now, empty, with their
    /// counters at the start.
    None,
    /// Those that this SQL script makes. A script that creates tables runs on an empty scratch
    /// database; one that only fills them, on empty copies of the tables that are there now.
    Script(String),
    /// Those of another database, which nobody has used yet: the path of a file for SQLite, an
    /// address for PostgreSQL. It is only read, and not needed afterwards.
    Database(String),
}

/// An address may hold a password, and a script anything.
impl fmt::Debug for FactoryRows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Script(_) => "Script(…)",
            Self::Database(_) => "Database(…)",
        })
    }
}

/// Whether `script` has a line that begins to create a table.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn creates_tables(script: &str) -> bool {
    script.lines().any(|line| {
        let words = line.split_ascii_whitespace().take(3);
        let words: Vec<String> = words.map(str::to_ascii_uppercase).collect();
        let create = words.first().is_some_and(|word| word == "CREATE");
        let kind = match words.get(1).map(String::as_str) {
            Some("VIRTUAL" | "UNLOGGED") => words.get(2),
            _ => words.get(1),
        };
        create && kind.is_some_and(|kind| kind == "TABLE")
    })
}

/// What the catalogues of the service's database and of the source have to say of each other.
#[derive(Debug, thiserror::Error)]
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) enum Difference {
    #[error(
        "it has the table `{0}`, which this database lacks: take them from the same version of \
         the service"
    )]
    Table(String),
    #[error(
        "its table `{table}` has the columns {theirs}, and here it has {ours}: take them from the \
         same version of the service"
    )]
    Columns {
        table: String,
        theirs: String,
        ours: String,
    },
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Difference {
    /// Compares the columns of `table`; their order says nothing.
    pub(super) fn of_columns(
        table: &str,
        mut ours: Vec<String>,
        mut theirs: Vec<String>,
    ) -> Result<(), Self> {
        ours.sort();
        theirs.sort();
        if ours == theirs {
            return Ok(());
        }
        let table = table.to_owned();
        let (theirs, ours) = (theirs.join(", "), ours.join(", "));
        Err(Self::Columns {
            table,
            theirs,
            ours,
        })
    }
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres")))]
mod tests {
    use super::*;

    #[test]
    fn a_script_creates_tables_when_a_statement_does() {
        for script in [
            "-- dump\nCREATE TABLE a (x);",
            "  create table if not exists a (x)",
            "CREATE VIRTUAL TABLE a USING fts5 (x)",
            "CREATE UNLOGGED TABLE public.a (x integer)",
        ] {
            assert!(creates_tables(script), "{script}");
        }
        for script in [
            "",
            "INSERT INTO a VALUES ('CREATE TABLE');",
            "-- CREATE TABLE a (x)",
            "CREATE INDEX i ON a (x)",
        ] {
            assert!(!creates_tables(script), "{script}");
        }
    }
}
