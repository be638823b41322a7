//! Questions to SQLite's catalogue.
//!
//! They are PRAGMA statements, and not the table-valued functions of the same name: a table or view
//! in the database that is called `pragma_table_list` takes the place of such a function.

use futures::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Either, Row, SqliteConnection};

use super::{DatabaseError, handle, quote};
use crate::database::RECORD_TABLE;

/// A table that the schema lists; views are not.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_without_rowid: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    Virtual,
    /// Holds the content of a virtual table.
    Shadow,
}

/// The tables of `schema` by name, without SQLite's own and the table of the commit record.
pub(super) async fn tables(
    connection: &mut SqliteConnection,
    schema: &str,
) -> Result<Vec<Listed>, DatabaseError> {
    let failed = || DatabaseError::on("read the database's catalogue");
    // SQLite resolves every view for this list, because it tells how many columns each has: views
    // that use each other take it minutes, or more stack than there is. It passes over what it may
    // not resolve.
    let refuse = async |connection: &mut SqliteConnection, is_on| {
        let locked = connection.lock_handle().await;
        locked.map(|mut handle| handle::refuse_selects(&mut handle, is_on))
    };
    refuse(connection, true).await.map_err(failed())?;
    let listed = sqlx::query(AssertSqlSafe(format!("PRAGMA {schema}.table_list")))
        .persistent(false)
        .fetch_all(&mut *connection)
        .await;
    refuse(connection, false).await.map_err(failed())?;
    let mut tables = Vec::new();
    for row in listed.map_err(failed())? {
        let read = || -> Result<_, sqlx::Error> {
            let name: String = row.try_get("name")?;
            let kind: String = row.try_get("type")?;
            Ok((name, kind, row.try_get("wr")?))
        };
        let (name, kind, is_without_rowid) = read().map_err(failed())?;
        let kind = match kind.as_str() {
            "table" => Kind::Ordinary,
            "virtual" => Kind::Virtual,
            "shadow" => Kind::Shadow,
            _ => continue,
        };
        let is_own = name.eq_ignore_ascii_case(RECORD_TABLE);
        let prefix = name.as_bytes().get(..7);
        if !is_own && !prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"sqlite_")) {
            tables.push(Listed {
                name,
                kind,
                is_without_rowid,
            });
        }
    }
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

/// The answers of `PRAGMA schema.pragma(table)` for each of `tables`.
pub(super) async fn for_each(
    connection: &mut SqliteConnection,
    schema: &str,
    pragma: &str,
    tables: &[&str],
) -> Result<Vec<Vec<SqliteRow>>, sqlx::Error> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    // Together, because one by one they take longer to send than to answer.
    let questions = tables
        .iter()
        .map(|table| format!("PRAGMA {schema}.{pragma}({})", quote(table)));
    let questions = questions.collect::<Vec<_>>().join(";\n");
    let questions = sqlx::raw_sql(AssertSqlSafe(questions));
    let mut answers = questions.fetch_many(connection);
    let (mut all, mut rows) = (Vec::with_capacity(tables.len()), Vec::new());
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Right(row) => rows.push(row),
            Either::Left(_) => all.push(std::mem::take(&mut rows)),
        }
    }
    if all.len() != tables.len() {
        let error = format!("{} answers to {} questions", all.len(), tables.len());
        return Err(sqlx::Error::Protocol(error));
    }
    Ok(all)
}
