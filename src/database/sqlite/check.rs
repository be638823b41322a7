//! The check before the commit, instead of the enforcement that is off.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::{Catalogue, DatabaseError, Table, quote};

/// Rows that refer to others which are not there.
#[derive(Debug, thiserror::Error)]
enum Dangling {
    #[error(
        "{rows} rows of table `{table}`, which stays, refer to rows of `{parent}`, which is \
         cleared: reset `{table}` as well, or keep `{parent}`"
    )]
    Left {
        table: String,
        parent: String,
        rows: i64,
    },
    #[error(
        "{rows} rows that were put into table `{table}` refer to rows of `{parent}` that are not \
         there: take `{parent}` along, or leave `{table}` out"
    )]
    PutIn {
        table: String,
        parent: String,
        rows: i64,
    },
}

/// What has been done to the tables of a transaction.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Those that are cleared, or emptied.
    pub(super) cleared: BTreeSet<String>,
    /// Whether they may hold other rows than those of a fresh install, which refer to each
    /// other as they should.
    pub(super) others: bool,
}

/// Checks every table of the database `schema` whose references can have broken: those that stay
/// and refer to a cleared one, and cleared ones that refer to one that stays, for the sake of
/// their factory rows; where others may have been put in, all that are cleared. Violations that
/// were there before, between tables that stay, are not our business.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    schema: &str,
    catalogue: &Catalogue,
    changes: &Changes,
) -> Result<(), DatabaseError> {
    let cleared = &changes.cleared;
    let is_cleared = |name: &str| cleared.iter().any(|table| table.eq_ignore_ascii_case(name));
    let concerned = |table: &&Table| {
        let here = is_cleared(&table.name);
        let mut parents = table.foreign_keys.iter().map(|key| &key.parent);
        parents.any(|parent| is_cleared(parent) != here || (here && changes.others))
    };
    for table in catalogue.tables().filter(concerned) {
        let violations = violations(connection, schema, &table.name).await;
        let violations = violations.map_err(DatabaseError::on("check foreign keys"))?;
        let here = is_cleared(&table.name);
        let found = violations.into_iter();
        let mut found = found.filter(|(parent, _)| here || is_cleared(parent));
        if let Some((parent, rows)) = found.next() {
            let table = table.name.clone();
            let dangling = if here {
                Dangling::PutIn {
                    table,
                    parent,
                    rows,
                }
            } else {
                Dangling::Left {
                    table,
                    parent,
                    rows,
                }
            };
            return Err(DatabaseError::new("keep the foreign keys intact", dangling));
        }
    }
    Ok(())
}

/// How many rows of `table` refer to no row, by the table that they refer to.
async fn violations(
    connection: &mut SqliteConnection,
    schema: &str,
    table: &str,
) -> Result<BTreeMap<String, i64>, sqlx::Error> {
    let check = format!("PRAGMA {schema}.foreign_key_check({})", quote(table));
    let mut rows = sqlx::query(AssertSqlSafe(check)).fetch(connection);
    let mut violations = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        *violations.entry(row.try_get("parent")?).or_default() += 1;
    }
    Ok(violations)
}
