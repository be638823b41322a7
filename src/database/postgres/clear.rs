//! Takes rows out of tables inside the open transaction, and puts the factory rows back.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};

use super::aside::Aside;
use super::catalogue::{Catalogue, Table};
use super::error::failed;
use super::foreign_keys::{ForeignKey, parents_first};
use super::kept::Kept;
use super::references::Seeds;
use super::{DatabaseError, Factory, copy, run};

/// TRUNCATE costs each table a new file, DELETE costs each row: with more rows than this for
/// each table TRUNCATE is the faster one. Measured between 50 and 300, by how wide the rows
/// are and what a new file costs.
const ROWS_A_TABLE: u64 = 128;

/// Which tables lose their rows in which way.
#[derive(Debug)]
pub(super) struct Ways<'a> {
    truncated: Vec<&'a Table>,
    deleted: Vec<&'a Table>,
}

impl<'a> Ways<'a> {
    /// Chooses for tables that have `rows` rows together. Where a row stays its table is
    /// deleted from.
    pub(super) fn choose(tables: &[&'a Table], rows: u64, kept: Option<&Kept>, can: bool) -> Self {
        let is_much = rows > ROWS_A_TABLE * tables.len() as u64;
        let stays = |table: &Table| kept.is_some_and(|kept| kept.count(&table.name) > 0);
        let (truncated, deleted) = tables
            .iter()
            .partition(|table| can && is_much && !stays(table));
        Self { truncated, deleted }
    }

    fn truncates(&self, name: &str) -> bool {
        self.truncated.iter().any(|table| table.name == name)
    }

    fn deletes(&self, name: &str) -> bool {
        self.deleted.iter().any(|table| table.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.truncates(name) || self.deletes(name)
    }

    /// Takes the rows out: all tables in one statement of each kind, so that no foreign key
    /// between them hinders, nor an order has to be found in a cycle. Never CASCADE.
    pub(super) async fn take_out(
        &self,
        connection: &mut PgConnection,
        kept: Option<&Kept>,
    ) -> Result<(), DatabaseError> {
        if !self.truncated.is_empty() {
            let tables = self.truncated.iter().map(|table| table.rows());
            let truncate = format!("TRUNCATE {}", tables.collect::<Vec<_>>().join(", "));
            run(connection, &truncate)
                .await
                .map_err(failed("truncate the tables"))?;
        }
        if !self.deleted.is_empty() {
            let deletes = self.deleted.iter().enumerate().map(|(number, table)| {
                let goes = kept.map_or("true".to_owned(), |kept| kept.goes(&table.name, "gone"));
                let rows = table.rows();
                format!("d{number} AS (DELETE FROM {rows} AS gone WHERE {goes})")
            });
            let deletes = deletes.collect::<Vec<_>>().join(", ");
            run(connection, &format!("WITH {deletes} SELECT"))
                .await
                .map_err(failed("delete from the tables"))?;
        }
        Ok(())
    }

    /// The tables that still hold the bytes of deleted rows, as SQL identifiers.
    pub(super) fn to_rewrite(&self) -> impl Iterator<Item = String> {
        self.deleted.iter().map(|table| table.relation.clone())
    }
}

/// The foreign keys that a clearing has to set aside.
pub(super) async fn in_the_way<'a>(
    connection: &mut PgConnection,
    catalogue: &'a Catalogue,
    factory: &Factory,
    ways: &Ways<'_>,
    aside: &Aside,
) -> Result<Vec<&'a ForeignKey>, DatabaseError> {
    let seeded = ways.truncated.iter().chain(&ways.deleted);
    let seeded: Vec<&Table> = seeded
        .filter(|table| factory.seed(&table.name).is_some())
        .copied()
        .collect();
    let (_, broken) = parents_first(&seeded, &catalogue.foreign_keys);
    let broken: BTreeSet<_> = broken.into_iter().map(ForeignKey::id).collect();
    let mut keys = Vec::new();
    for key in &catalogue.foreign_keys {
        if aside.has(key) {
            continue;
        }
        let (child, parent) = (&*key.table, &*key.parent);
        let hinders = ways.truncates(parent) && !ways.truncates(child)
            // What waits for the end would keep the tables from being altered.
            || key.is_deferred && (ways.has(parent) || ways.has(child))
            || broken.contains(&key.id())
            // Rows of a table that stays: whatever the foreign key does on a deletion must
            // not reach them, and they may refer to rows that come back.
            || ways.deletes(parent) && !ways.has(child) && refers(connection, key).await?;
        if hinders {
            keys.push(key);
        }
    }
    Ok(keys)
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
    let seeded = tables.iter().copied();
    let seeded: Vec<&Table> = seeded
        .filter(|table| factory.seed(&table.name).is_some())
        .collect();
    let (ordered, _) = parents_first(&seeded, &catalogue.foreign_keys);
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
