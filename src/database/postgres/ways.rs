//! Which tables are truncated, and which deleted from.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::aside::Aside;
use super::ask::{array, ask};
use super::catalogue::{Catalogue, Table};
use super::error::failed;
use super::kept::Kept;
use super::{DatabaseError, run};

/// DELETE takes about so long for one row, once no foreign key asks about it. Measured: 0.7 to
/// 1.2 µs.
const ROW: Duration = Duration::from_micros(1);

/// No table with fewer rows is truncated where others are deleted from: new files cost more than
/// that, on any disk.
const FEW: u64 = 1000;

/// Where it is one or the other for all tables: as many rows a table as that.
const FEW_ON_AVERAGE: u64 = 3000;

/// As much of a table as this takes DELETE as long as one row: a piece of a long value is a row
/// of its own.
const BYTES_A_ROW: u64 = 2048;

/// Which tables lose their rows in which way. Those that never held any are in neither.
#[derive(Debug, Default)]
pub(super) struct Ways<'a> {
    pub(super) truncated: Vec<&'a Table>,
    pub(super) deleted: Vec<&'a Table>,
}

/// Of each table, how many rows DELETE would take out, or what takes as long.
type Weights = BTreeMap<String, u64>;

/// How large a table is, with its long values, and whether every file of it is as new: then
/// nothing is in it. Each file costs a look at the disk, so indexes are looked at only where all
/// else is empty.
const SIZES: &str = "
    SELECT c.oid::pg_catalog.int8, size.bytes,
           CASE WHEN size.bytes > 0 THEN false ELSE NOT EXISTS (
               SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid IN (c.oid, c.reltoastrelid)
               AND pg_catalog.pg_relation_size(i.indexrelid)
                   > pg_catalog.current_setting('block_size')::pg_catalog.int8
           ) END
    FROM pg_catalog.pg_class AS c, LATERAL (
        SELECT pg_catalog.pg_relation_size(c.oid)
               + coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0) AS bytes
        OFFSET 0
    ) AS size
    WHERE c.oid::pg_catalog.int8 = ANY ($1) AND c.relkind = 'r'";

impl<'a> Ways<'a> {
    /// Chooses for `tables`, each of which loses `going` rows.
    ///
    /// TRUNCATE costs each table and each index new files, made durable one by one: between a
    /// tenth of a millisecond and ten of them, by the server's disk. So the largest table is
    /// truncated first, and how long that takes tells for which others it pays off.
    pub(super) async fn choose(
        connection: &mut PgConnection,
        catalogue: &Catalogue,
        tables: &[&'a Table],
        going: impl Fn(&str) -> u64,
        kept: &Kept,
        aside: &mut Aside,
    ) -> Result<Self, DatabaseError> {
        let weights = weigh(connection, tables, going).await?;
        let used = tables.iter().copied();
        let used: Vec<&Table> = used
            .filter(|table| weights.contains_key(&table.name))
            .collect();
        let is_ours = |name: &str| tables.iter().any(|table| table.name == name);
        let mut keys = catalogue.foreign_keys.iter();
        if keys.any(|key| is_ours(&key.parent) && !is_ours(&key.table) && !key.can_alter) {
            return Ok(Self::new(&used, |_| false));
        }
        let stays = |table: &Table| kept.count(&table.name) > 0;
        let mut keys = catalogue.foreign_keys.iter();
        if keys.any(|key| is_ours(&key.parent) && !key.can_alter) {
            // Nothing can be set aside between two tables that go different ways.
            let is_much = weights.values().sum::<u64>() > FEW_ON_AVERAGE * used.len() as u64
                && !used.iter().any(|table| stays(table));
            // TRUNCATE wants every table that refers to another in the same statement.
            return Ok(Self::new(if is_much { tables } else { &used }, |_| is_much));
        }
        let weight = |table: &Table| weights.get(&table.name).copied().unwrap_or_default();
        let is_referred_to = |table: &Table| {
            let mut keys = catalogue.foreign_keys.iter();
            keys.any(|key| key.parent == table.name && key.table != table.name)
        };
        let large = |table: &&&Table| weight(table) > FEW && !stays(table);
        let order = |table: &&&Table| (is_referred_to(table), Reverse(weight(table)));
        let Some(first) = used.iter().filter(large).min_by_key(order).copied() else {
            return Ok(Self::new(&used, |_| false));
        };
        let keys = catalogue.foreign_keys.iter();
        let keys = keys.filter(|key| key.parent == first.name && key.table != first.name);
        aside.foreign_keys(connection, keys).await?;
        let started = Instant::now();
        truncate(connection, &[first]).await?;
        // The commit takes as long again, for it removes the old files; but what is deleted from
        // is rewritten after it, and that takes longer than both.
        let worth = started.elapsed().as_nanos() / ROW.as_nanos();
        let rest: Vec<&Table> = used
            .into_iter()
            .filter(|table| table.oid != first.oid)
            .collect();
        let pays = |table: &Table| large(&&table) && u128::from(weight(table)) > worth;
        Ok(Self::new(&rest, pays))
    }

    fn new(tables: &[&'a Table], truncates: impl Fn(&Table) -> bool) -> Self {
        let (truncated, deleted) = tables.iter().partition(|table| truncates(table));
        Self { truncated, deleted }
    }

    pub(super) fn truncates(&self, name: &str) -> bool {
        self.truncated.iter().any(|table| table.name == name)
    }

    pub(super) fn deletes(&self, name: &str) -> bool {
        self.deleted.iter().any(|table| table.name == name)
    }

    /// Takes the rows out: all tables in one statement of each kind, so that no foreign key
    /// between them hinders, nor an order has to be found in a cycle. Never CASCADE.
    pub(super) async fn take_out(
        &self,
        connection: &mut PgConnection,
        kept: &Kept,
    ) -> Result<(), DatabaseError> {
        if !self.truncated.is_empty() {
            truncate(connection, &self.truncated).await?;
        }
        if !self.deleted.is_empty() {
            let deletes = self.deleted.iter().enumerate().map(|(number, table)| {
                let (rows, goes) = (table.rows(), kept.goes(&table.name, "gone"));
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

/// Nothing of the tables that never held a row: neither are their files to be emptied, nor can
/// anything be read in them.
async fn weigh(
    connection: &mut PgConnection,
    tables: &[&Table],
    going: impl Fn(&str) -> u64,
) -> Result<Weights, DatabaseError> {
    let sql = SIZES.replace("$1", &array(tables.iter().map(|table| table.oid)));
    let sizes: Vec<(i64, i64, bool)> = ask(connection, &sql)
        .await
        .map_err(failed("read how large the tables are"))?;
    let sizes: BTreeMap<i64, (u64, bool)> = sizes
        .into_iter()
        .map(|(oid, bytes, is_new)| (oid, (bytes.unsigned_abs(), is_new)))
        .collect();
    let weight = |table: &&Table| {
        let rows = going(&table.name);
        // One with partitions has its bytes in those.
        let (bytes, is_new) = sizes.get(&table.oid).copied().unwrap_or_default();
        let is_used = rows > 0 || !is_new;
        is_used.then(|| (table.name.clone(), rows.max(bytes / BYTES_A_ROW)))
    };
    Ok(tables.iter().filter_map(weight).collect())
}

async fn truncate(connection: &mut PgConnection, tables: &[&Table]) -> Result<(), DatabaseError> {
    let rows: Vec<String> = tables.iter().map(|table| table.rows()).collect();
    run(connection, &format!("TRUNCATE {}", rows.join(", ")))
        .await
        .map_err(failed("truncate the tables"))
}
