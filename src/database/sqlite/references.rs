//! The references that a clearing would break.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::catalogue::factory_table;
use super::foreign_key::ForeignKey;
use super::kept::Kept;
use super::{Catalogue, DatabaseError, Reference, Table, quote};

/// Counts, for each table that is not in `tables` and each that is, the rows that refer to a
/// row which would go. References that lead nowhere already are nobody's loss.
pub(super) async fn references(
    connection: &mut SqliteConnection,
    catalogue: &Catalogue,
    factory: &Catalogue,
    kept: &Kept,
    tables: &[String],
) -> Result<Vec<Reference>, DatabaseError> {
    let goes = |table: &Table| {
        let mut tables = tables.iter();
        tables.any(|name| name.eq_ignore_ascii_case(&table.name))
    };
    let mut references = Vec::new();
    for child in catalogue.tables().filter(|table| !goes(table)) {
        let mut by_parent: BTreeMap<&str, (&Table, Vec<&ForeignKey>)> = BTreeMap::new();
        for key in &child.foreign_keys {
            if let Some(parent) = catalogue.find(&key.parent).filter(|table| goes(table)) {
                let entry = by_parent.entry(&parent.name);
                entry.or_insert((parent, Vec::new())).1.push(key);
            }
        }
        for (parent, keys) in by_parent.into_values() {
            let broken = keys.iter().map(|key| broken(key, parent, factory, kept));
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT count(*) FROM main.{} AS child \
                 WHERE EXISTS (SELECT 1 FROM main.{}) AND ({})",
                quote(&child.name),
                quote(&parent.name),
                broken.collect::<Vec<_>>().join(" OR ")
            )))
            .fetch_one(&mut *connection)
            .await
            .map_err(DatabaseError::on(format!(
                "count the references from table `{}` to `{}`",
                child.name, parent.name
            )))?;
            if rows > 0 {
                let rows = rows.unsigned_abs();
                references.push(Reference::new(&child.name, &parent.name, rows));
            }
        }
    }
    references.sort();
    Ok(references)
}

/// That `child` refers by `key` to a row that goes and does not come back.
fn broken(key: &ForeignKey, parent: &Table, factory: &Catalogue, kept: &Kept) -> String {
    let mut goes = key.matches("child", "parent");
    if let Some(kept) = kept.condition(parent, "parent") {
        goes = format!("{goes} AND NOT {kept}");
    }
    let mut broken = format!(
        "({} AND EXISTS (SELECT 1 FROM main.{} AS parent WHERE {goes})",
        key.is_set("child"),
        quote(&parent.name)
    );
    if factory.table(&parent.name).is_some() {
        broken += &format!(
            " AND NOT EXISTS (SELECT 1 FROM {} AS fresh WHERE {})",
            factory_table(&parent.name),
            key.matches("child", "fresh")
        );
    }
    broken + ")"
}
