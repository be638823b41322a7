//! References that a clearing would break.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::ask::ask;
use super::catalogue::{Catalogue, Table};
use super::error::failed;
use super::factory::Factory;
use super::foreign_keys::ForeignKey;
use super::kept::Kept;
use super::{DatabaseError, Reference, copy, run};

/// Factory rows as a table that SQL can join, for the length of the transaction.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    created: BTreeSet<i64>,
}

impl Seeds {
    /// The factory rows of `table`, as an SQL identifier; nothing where there are none.
    pub(super) async fn table(
        &mut self,
        connection: &mut PgConnection,
        factory: &Factory,
        table: &Table,
    ) -> Result<Option<String>, DatabaseError> {
        let Some(seed) = factory.seed(&table.name) else {
            return Ok(None);
        };
        let name = format!("pg_temp._factory_reset_seed_{}", table.oid);
        if self.created.insert(table.oid) {
            let (columns, rows) = (&seed.columns, table.rows());
            let create = format!(
                "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS \
                 SELECT {columns} FROM {rows} WITH NO DATA"
            );
            run(connection, &create)
                .await
                .map_err(failed("lay out the factory rows"))?;
            copy::seed(connection, factory, table, &name).await?;
        }
        Ok(Some(name))
    }
}

/// What `clear(tables)` would leave dangling, but for what `kept` keeps and what comes back
/// with the factory rows. `hold` makes the statements that come before a question about tables.
pub(super) async fn find(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    factory: &Factory,
    kept: &Kept,
    seeds: &mut Seeds,
    tables: &[String],
    hold: impl Fn(&[&Table]) -> String,
) -> Result<Vec<Reference>, DatabaseError> {
    // A row with two foreign keys to one table counts once.
    let mut groups: BTreeMap<_, Vec<&ForeignKey>> = BTreeMap::new();
    for key in &catalogue.foreign_keys {
        if tables.contains(&key.parent) && !tables.contains(&key.table) {
            let group = (&key.table, &key.parent, key.rows());
            groups.entry(group).or_default().push(key);
        }
    }
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    for ((table, parent, rows), keys) in groups {
        let (Some(child), Some(parent)) = (catalogue.table(table), catalogue.table(parent)) else {
            continue;
        };
        let seed = seeds.table(connection, factory, parent).await?;
        let broken = keys.iter().map(|key| {
            let mut broken = format!(
                "({} AND EXISTS (SELECT FROM {} AS parent WHERE {} AND {})",
                key.refers("child"),
                parent.rows(),
                key.matches("child", "parent"),
                kept.goes(&parent.name, "parent")
            );
            if let Some(seed) = &seed {
                let matches = key.matches("child", "seed");
                broken.push_str(&format!(
                    " AND NOT EXISTS (SELECT FROM {seed} AS seed WHERE {matches})"
                ));
            }
            broken + ")"
        });
        let broken: Vec<String> = broken.collect();
        let count = format!(
            "{} SELECT pg_catalog.count(*) FROM {rows} AS child WHERE {}",
            hold(&[child, parent]),
            broken.join(" OR ")
        );
        let rows: Vec<(i64,)> = ask(connection, &count)
            .await
            .map_err(failed(format!("look for references from table `{table}`")))?;
        let pair = (table.clone(), parent.name.clone());
        let rows: i64 = rows.iter().map(|(rows,)| rows).sum();
        *found.entry(pair).or_default() += rows.unsigned_abs();
    }
    let found = found.into_iter().filter(|(_, rows)| *rows > 0);
    Ok(found
        .map(|((table, parent), rows)| Reference::new(table, parent, rows))
        .collect())
}
