//! Runs an SQL script, also one that `pg_dump` has written.

use sqlx::PgConnection;

use super::error::{failed, server_error};
use super::{DatabaseError, run as run_sql};

/// What the script is, in messages.
const ACTION: &str = "run the script of the factory rows";

/// What the server's messages do not say.
#[derive(Debug, thiserror::Error)]
enum Remedy {
    #[error(
        "it holds a command of psql, which no server understands: write the script by \
         `pg_dump --inserts`"
    )]
    Command(#[source] sqlx::Error),
    #[error(
        "a script that creates no tables is run on copies of the tables, which it must name \
         without their schema: drop the schema's name, or give the whole of a fresh install, by \
         `pg_dump --inserts`"
    )]
    ReadOnly(#[source] sqlx::Error),
    #[error(
        "if it is there, write it with its schema, such as `public.slug(…)`: a script that creates \
         no tables finds functions and types in `pg_catalog` alone"
    )]
    Unknown(#[source] sqlx::Error),
    #[error("`{0}` does not end with a line `\\.`: write the script by `pg_dump --inserts`")]
    Copy(String),
    #[error("it leaves a transaction open: end it with `COMMIT;`")]
    Open,
}

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Statements(String),
    /// `COPY … FROM stdin`, and the lines that it reads.
    Copy(&'a str, String),
}

/// Runs `script`, and makes sure that it has come to its end.
pub(super) async fn run(connection: &mut PgConnection, script: &str) -> Result<(), DatabaseError> {
    for part in parts(script).map_err(|error| DatabaseError::new(ACTION, error))? {
        let done = match part {
            Part::Statements(sql) => run_sql(connection, &sql).await,
            Part::Copy(statement, lines) => copy(connection, statement, &lines).await,
        };
        done.map_err(explained)?;
    }
    // Allowed within a transaction alone.
    if run_sql(connection, "SAVEPOINT factory_reset").await.is_ok() {
        return Err(DatabaseError::new(ACTION, Remedy::Open));
    }
    Ok(())
}

async fn copy(
    connection: &mut PgConnection,
    statement: &str,
    lines: &str,
) -> Result<(), sqlx::Error> {
    let mut sink = connection.copy_in_raw(statement).await?;
    sink.send(lines.as_bytes()).await?;
    sink.finish().await?;
    Ok(())
}

/// Tells what the server understands from what psql would do: reading rows from the script, and
/// `\restrict`, which fences a dump against commands.
fn parts(script: &str) -> Result<Vec<Part<'_>>, Remedy> {
    let mut parts = Vec::new();
    let mut statements = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ") {
            continue;
        }
        if !is_copy(line) {
            statements.push_str(line);
            statements.push('\n');
            continue;
        }
        let mut rows = String::new();
        loop {
            match lines.next() {
                Some("\\.") => break,
                Some(row) => {
                    rows.push_str(row);
                    rows.push('\n');
                }
                None => return Err(Remedy::Copy(line.to_owned())),
            }
        }
        parts.push(Part::Statements(std::mem::take(&mut statements)));
        parts.push(Part::Copy(line, rows));
    }
    parts.push(Part::Statements(statements));
    Ok(parts)
}

fn is_copy(line: &str) -> bool {
    let line = line.to_ascii_uppercase();
    line.starts_with("COPY ") && line.trim_end().ends_with("FROM STDIN;")
}

fn explained(error: sqlx::Error) -> DatabaseError {
    let server = server_error(&error);
    let is_command = server.is_some_and(|error| error.message().ends_with("at or near \"\\\""));
    let is_read_only = server.is_some_and(|error| error.code() == "25006");
    let is_unknown = server.is_some_and(|error| matches!(error.code(), "42883" | "42704"));
    if is_command {
        DatabaseError::new(ACTION, Remedy::Command(error))
    } else if is_read_only {
        DatabaseError::new(ACTION, Remedy::ReadOnly(error))
    } else if is_unknown {
        DatabaseError::new(ACTION, Remedy::Unknown(error))
    } else {
        failed(ACTION)(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_the_script_are_told_from_its_statements() {
        let script = "\\restrict x\nSET a = b;\nCOPY public.t (x) FROM stdin;\n1\n\\N\n\\.\nEND;";
        let parts = parts(script).unwrap();
        let expected = [
            Part::Statements("SET a = b;\n".to_owned()),
            Part::Copy("COPY public.t (x) FROM stdin;", "1\n\\N\n".to_owned()),
            Part::Statements("END;\n".to_owned()),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn rows_that_do_not_end_are_an_error() {
        assert!(parts("COPY t FROM stdin;\n1").is_err());
    }
}
