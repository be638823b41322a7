//! Rows that stay.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::catalogue::{Catalogue, Table};
use super::error::{failed, is_unknown};
use super::{DatabaseError, KeptRows, run};

/// Where the rows that stay are noted, for the length of the transaction.
const TABLE: &str = "pg_temp._factory_reset_kept";

/// A condition names something that is not found.
#[derive(Debug, thiserror::Error)]
#[error(
    "its condition is looked up in `pg_catalog` alone: write what is in another schema with its \
     name, such as `public.users` or `public.is_test(…)`"
)]
struct Unqualified(#[source] sqlx::Error);

/// The rows that stay, by their places: nobody can move them while the transaction lasts.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// How many, of each table that has any.
    pub(super) rows: BTreeMap<String, u64>,
    is_created: bool,
}

impl Kept {
    /// Notes the rows in `wanted`, and whatever they refer to, of `tables`. `hold` makes the
    /// statements that come before a question about tables.
    pub(super) async fn add(
        &mut self,
        connection: &mut PgConnection,
        catalogue: &Catalogue,
        wanted: &[KeptRows],
        tables: &[String],
        hold: impl Fn(&[&Table]) -> String,
    ) -> Result<(), DatabaseError> {
        let table = |name: &str| {
            let is_asked = tables.iter().any(|table| table == name);
            catalogue.table(name).filter(|_| is_asked)
        };
        let conditions = wanted.iter().flat_map(KeptRows::conditions);
        let conditions: Vec<_> = conditions
            .filter_map(|(name, condition)| Some((table(name)?, condition)))
            .collect();
        if conditions.is_empty() {
            return Ok(());
        }
        let held = catalogue.foreign_keys.iter();
        let held = held.filter_map(|key| Some((table(&key.table)?, table(&key.parent)?)));
        let held = held.flat_map(|(child, parent)| [child, parent]);
        let held = held.chain(conditions.iter().map(|(table, _)| *table));
        let held: BTreeMap<i64, &Table> = held.map(|table| (table.oid, table)).collect();
        let mut set_up = hold(&held.into_values().collect::<Vec<_>>());
        if !self.is_created {
            set_up += &format!(
                "CREATE TEMPORARY TABLE {TABLE} (root pg_catalog.oid, relation pg_catalog.oid, \
                 place pg_catalog.tid, PRIMARY KEY (relation, place)) ON COMMIT DROP"
            );
        }
        if !set_up.is_empty() {
            run(connection, &set_up)
                .await
                .map_err(failed("note the rows to keep"))?;
            self.is_created = true;
        }
        for (table, condition) in conditions {
            // Without an alias, so that the condition may say the table's name. Its end may
            // be a comment.
            let (oid, rows) = (table.oid, table.rows());
            let select = format!("{oid}, tableoid, ctid FROM {rows} WHERE ({condition}\n)");
            note(connection, &select, &table.name).await?;
        }
        let keys = catalogue.foreign_keys.iter().filter_map(|key| {
            let (child, parent) = (table(&key.table)?, table(&key.parent)?);
            let select = format!(
                "{}, parent.tableoid, parent.ctid FROM {TABLE} AS kept \
                 JOIN {} AS child ON child.tableoid = kept.relation AND child.ctid = kept.place \
                 JOIN {} AS parent ON {} WHERE kept.root = {}",
                parent.oid,
                key.rows(),
                parent.rows(),
                key.matches("child", "parent"),
                child.oid
            );
            Some((select, parent.name.clone()))
        });
        let keys: Vec<_> = keys.collect();
        loop {
            let mut added = 0;
            for (select, parent) in &keys {
                added += note(connection, select, parent).await?;
            }
            if added == 0 {
                break;
            }
        }
        let counts: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT root::pg_catalog.int8, pg_catalog.count(*) FROM {TABLE} GROUP BY root"
        )))
        .fetch_all(connection)
        .await
        .map_err(failed("count the rows to keep"))?;
        let name = |oid: i64| catalogue.tables().find(|table| table.oid == oid);
        let counts = counts.into_iter();
        self.rows = counts
            .filter_map(|(oid, rows)| Some((name(oid)?.name.clone(), rows.unsigned_abs())))
            .collect();
        Ok(())
    }

    /// How many rows of `table` stay.
    pub(super) fn count(&self, table: &str) -> u64 {
        self.rows.get(table).copied().unwrap_or_default()
    }

    /// That the row of `table` which SQL calls `row` goes.
    pub(super) fn goes(&self, table: &str, row: &str) -> String {
        if self.count(table) == 0 {
            return "true".to_owned();
        }
        format!(
            "NOT EXISTS (SELECT FROM {TABLE} AS kept \
             WHERE kept.relation = {row}.tableoid AND kept.place = {row}.ctid)"
        )
    }
}

async fn note(
    connection: &mut PgConnection,
    select: &str,
    table: &str,
) -> Result<u64, DatabaseError> {
    let insert = format!("INSERT INTO {TABLE} SELECT {select} ON CONFLICT DO NOTHING");
    let noted = sqlx::query(AssertSqlSafe(insert))
        .execute(connection)
        .await
        .map_err(|error| {
            let action = format!("find the rows to keep of table `{table}`");
            match is_unknown(&error) {
                true => DatabaseError::new(action, Unqualified(error)),
                false => failed(action)(error),
            }
        })?;
    Ok(noted.rows_affected())
}
