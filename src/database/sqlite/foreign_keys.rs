//! The check before the commit, instead of the enforcement that is off.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::{Catalogue, DatabaseError, Table};

/// A row that refers to one which is gone.
#[derive(Debug, thiserror::Error)]
#[error(
    "{rows} rows of table `{table}`, which stays, refer to rows of `{parent}`, which is cleared: \
     reset `{table}` as well, or keep `{parent}`"
)]
struct Dangling {
    table: String,
    parent: String,
    rows: i64,
}

/// Checks every table whose references can have broken: those that stay and refer to a
/// cleared one, and cleared ones that refer to one that stays, for the sake of their factory
/// rows. Violations that were there before, between tables that stay, are not our business.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    cleared: &BTreeSet<String>,
) -> Result<(), DatabaseError> {
    let is_cleared = |name: &str| cleared.iter().any(|table| table.eq_ignore_ascii_case(name));
    let concerned = |table: &&Table| {
        let here = is_cleared(&table.name);
        table
            .references
            .iter()
            .any(|parent| is_cleared(parent) != here)
    };
    for table in catalogue.tables().filter(concerned) {
        let violations: Vec<(String, i64)> = sqlx::query_as(
            "SELECT parent, count(*) FROM pragma_foreign_key_check(?, 'main') GROUP BY parent",
        )
        .bind(&table.name)
        .fetch_all(&mut *connection)
        .await
        .map_err(DatabaseError::on("check foreign keys"))?;
        let ours = |parent: &str| is_cleared(parent) || is_cleared(&table.name);
        if let Some((parent, rows)) = violations.into_iter().find(|(parent, _)| ours(parent)) {
            let table = table.name.clone();
            let dangling = Dangling {
                table,
                parent,
                rows,
            };
            return Err(DatabaseError::new("keep the foreign keys intact", dangling));
        }
    }
    Ok(())
}
