//! What a transaction knows of rows: it locks before it counts, and counts once.

use std::collections::{BTreeMap, BTreeSet};

use super::PostgresTransaction;
use crate::database::DatabaseError;
use crate::database::postgres::ask::ask;
use crate::database::postgres::catalogue::Table;
use crate::database::postgres::error::failed;
use crate::database::postgres::hold::hold;
use crate::database::postgres::kept::Kept;
use crate::database::postgres::snapshot::Snapshot;

impl PostgresTransaction {
    /// Locks `tables` and those that refer to them, whose foreign keys may be set aside: in
    /// one statement, in the order of their names, and at once in the mode that the clearing
    /// needs, for two that raise a lock wait for each other.
    pub(super) async fn lock(&mut self, tables: &[String]) -> Result<(), DatabaseError> {
        self.catalogue.check_trust(tables)?;
        self.take_back().await?;
        let Some(locked) = &mut self.locked else {
            return Ok(());
        };
        let keys = self.catalogue.foreign_keys.iter();
        let referring = keys.filter(|key| tables.contains(&key.parent));
        let names = tables.iter().chain(referring.map(|key| &key.table));
        let names: BTreeSet<&String> = names.filter(|name| !locked.contains(*name)).collect();
        let rows = names.iter();
        let rows = rows.filter_map(|name| self.catalogue.table(name));
        let held: Vec<&Table> = rows.collect();
        if held.is_empty() {
            return Ok(());
        }
        let lock = hold(&held, "ACCESS EXCLUSIVE");
        let now = Snapshot::after(&mut self.connection, &lock, "lock the tables").await?;
        self.learnt = self
            .learnt
            .take()
            .filter(|learnt| now.sees_the_same_as(&learnt.snapshot));
        locked.extend(names.into_iter().cloned());
        Ok(())
    }

    /// Counts `tables` where that is not known, every row of them.
    pub(super) async fn count_all(&mut self, tables: &[String]) -> Result<(), DatabaseError> {
        let is_unknown = |table: &&String| !self.counts.contains_key(*table);
        let unknown: Vec<String> = tables.iter().filter(is_unknown).cloned().collect();
        self.lock(&unknown).await?;
        if !unknown.is_empty() && !self.recall(&unknown) {
            self.scan(&unknown, "0").await?;
        }
        Ok(())
    }

    /// Takes over what an earlier snapshot has counted in `tables`, which have been locked before
    /// anybody has written since. Returns whether it has counted all of them.
    pub(super) fn recall(&mut self, tables: &[String]) -> bool {
        let Some(learnt) = &self.learnt else {
            return false;
        };
        let counts = tables.iter();
        let counts = counts.filter_map(|table| Some((table.clone(), *learnt.counts.get(table)?)));
        self.counts.extend(counts);
        if let Some(fingerprint) = learnt.fingerprints.get(tables) {
            self.fingerprints
                .insert(tables.to_vec(), fingerprint.clone());
        }
        tables.iter().all(|table| self.counts.contains_key(table))
    }

    /// Counts `tables`, which are locked, and sums `value` over the rows of each, in one
    /// statement.
    pub(super) async fn scan(
        &mut self,
        tables: &[String],
        value: &str,
    ) -> Result<String, DatabaseError> {
        let tables = tables.iter();
        let tables: Vec<&Table> = tables
            .filter_map(|table| self.catalogue.table(table))
            .collect();
        if tables.is_empty() {
            return Ok(String::new());
        }
        let each = tables.iter().enumerate().map(|(number, table)| {
            let rows = table.rows();
            format!(
                "SELECT {number} AS number, pg_catalog.count(*) AS rows, \
                        pg_catalog.sum({value})::pg_catalog.text FROM {rows}"
            )
        });
        let scan = each.collect::<Vec<_>>().join(" UNION ALL ");
        let scan = format!(
            "{} {scan} ORDER BY number",
            hold_to_read(self.locked.is_none(), &tables)
        );
        let scanned: Vec<(i32, i64, Option<String>)> = ask(&mut self.connection, &scan)
            .await
            .map_err(failed("count the tables"))?;
        let mut sums = Vec::with_capacity(tables.len());
        for (table, (_, rows, sum)) in tables.iter().zip(scanned) {
            self.counts.insert(table.name.clone(), rows.unsigned_abs());
            sums.push(format!("{rows}:{}", sum.unwrap_or_default()));
        }
        Ok(sums.join(" "))
    }

    /// How many rows each of `tables` has.
    pub(super) fn counted(&self, tables: &[String]) -> Vec<u64> {
        let count = |table| self.counts.get(table).copied().unwrap_or_default();
        tables.iter().map(count).collect()
    }

    /// How many rows of `table` would go.
    pub(super) fn going(&self, table: &str) -> u64 {
        going(&self.counts, &self.kept, table)
    }

    /// Nothing that is known of rows holds any more: some are this transaction's own.
    pub(super) fn forget_rows(&mut self) {
        self.counts.clear();
        self.fingerprints.clear();
        self.learnt = None;
        self.snapshot = None;
    }
}

/// How many of `counts` would go.
pub(super) fn going(counts: &BTreeMap<String, u64>, kept: &Kept, table: &str) -> u64 {
    let rows = counts.get(table).copied().unwrap_or_default();
    rows.saturating_sub(kept.count(table))
}

/// The statements before a question about `tables` in a snapshot; nothing in a transaction that has
/// locked them.
pub(super) fn hold_to_read(is_snapshot: bool, tables: &[&Table]) -> String {
    if is_snapshot {
        hold(tables, "ACCESS SHARE")
    } else {
        String::new()
    }
}
