//! What a clearing sets aside, and puts back: foreign keys that are in the way, factory rows.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};

use super::aside::Aside;
use super::catalogue::{Catalogue, Table};
use super::error::failed;
use super::factory::Factory;
use super::foreign_keys::{ForeignKey, parents_first};
use super::kept::Kept;
use super::references::Seeds;
use super::ways::Ways;
use super::{DatabaseError, copy, run};

/// A foreign key asks about each row that goes of the table that it refers to; dropping it and
/// making it again costs about as much as it asking so often.
const QUESTIONS: u64 = 250;

/// The foreign keys that a clearing of `tables`, each of which loses `going` rows, has to set
/// aside.
pub(super) async fn in_the_way<'a>(
    connection: &mut PgConnection,
    catalogue: &'a Catalogue,
    factory: &Factory,
    tables: &[&Table],
    ways: &Ways<'_>,
    going: impl Fn(&str) -> u64,
    aside: &Aside,
) -> Result<Vec<&'a ForeignKey>, DatabaseError> {
    let (_, broken) = parents_first(&seeded(factory, tables), &catalogue.foreign_keys);
    let broken: BTreeSet<_> = broken.into_iter().map(ForeignKey::id).collect();
    let has = |name: &str| tables.iter().any(|table| table.name == name);
    let mut keys = Vec::new();
    for key in &catalogue.foreign_keys {
        if aside.has(key) {
            continue;
        }
        let (child, parent) = (&*key.table, &*key.parent);
        let hinders = ways.truncates(parent) && !ways.truncates(child)
            // What waits for the end would keep the tables from being altered.
            || key.is_deferred && (has(parent) || has(child))
            || broken.contains(&key.id())
            || ways.deletes(parent) && has(child) && key.is_cheap_aside() && going(parent) > QUESTIONS
            // Rows of a table that stays: whatever the foreign key does on a deletion must
            // not reach them, and they may refer to rows that come back.
            || ways.deletes(parent) && !has(child) && refers(connection, key).await?;
        if hinders {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn seeded<'a>(factory: &Factory, tables: &[&'a Table]) -> Vec<&'a Table> {
    let tables = tables.iter().copied();
    tables
        .filter(|table| factory.seed(&table.name).is_some())
        .collect()
}

/// Whether any row refers by `key`.
async fn refers(connection: &mut PgConnection, key: &ForeignKey) -> Result<bool, DatabaseError> {
    let (rows, refers) = (key.rows(), key.refers("child"));
    sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT EXISTS (SELECT FROM {rows} AS child WHERE {refers})"
    )))
    .fetch_one(connection)
    .await
    .map_err(failed(format!("read table `{}`", key.table)))
}

/// Puts the factory rows back, parents first. A row that is kept wins over one with the same
/// key.
pub(super) async fn seed(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    factory: &Factory,
    kept: &Kept,
    seeds: &mut Seeds,
    tables: &[&Table],
) -> Result<(), DatabaseError> {
    let (ordered, _) = parents_first(&seeded(factory, tables), &catalogue.foreign_keys);
    for table in ordered {
        if kept.count(&table.name) == 0 {
            copy::seed(connection, factory, table, &table.relation).await?;
            continue;
        }
        let Some(source) = seeds.table(connection, factory, table).await? else {
            continue;
        };
        let (target, columns) = (&table.relation, table.column_list());
        let insert = format!(
            "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE \
             SELECT {columns} FROM {source} ON CONFLICT DO NOTHING"
        );
        run(connection, &insert).await.map_err(failed(format!(
            "put the factory rows back into table `{}`",
            table.name
        )))?;
    }
    Ok(())
}
