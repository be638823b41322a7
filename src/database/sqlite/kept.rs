//! The rows that a clearing passes over.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::foreign_key::ForeignKey;
use super::{Catalogue, DatabaseError, KeptRows, Table, quote};

/// Which rows are kept. Their keys are in temporary tables: looking for them changes nothing.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Every table with such rows, those of which none is cleared included: what their rows
    /// refer to stays too.
    tables: BTreeMap<String, Keys>,
    /// The tables of which rows would go.
    concerned: BTreeSet<String>,
}

/// The keys of a table's kept rows, numbered from 1.
#[derive(Debug)]
struct Keys {
    /// The temporary table.
    name: String,
    rows: i64,
    /// Up to which row the foreign keys have been followed.
    followed: i64,
}

/// What keeps rows from being found.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error("there is no such table: name one of the database's, or take it out of `.rows(…)`")]
    NoTable,
    #[error("it is a virtual table: keep the rows of the table that it is about")]
    Virtual,
    #[error(
        "its columns hide the row numbers: rename one of `rowid`, `_rowid_` and `oid`, or give it \
         an INTEGER PRIMARY KEY"
    )]
    NoKey,
}

impl Kept {
    /// Keeps `rows` and what they refer to; counts those in `tables`.
    pub(super) async fn add(
        &mut self,
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        let concerned = tables.iter().filter_map(|table| catalogue.find(table));
        self.concerned
            .extend(concerned.map(|table| table.name.clone()));
        for set in rows {
            for (table, condition) in set.conditions() {
                let action = format!(
                    "find the rows of table `{table}` that `{}` keeps",
                    set.name()
                );
                let found = catalogue
                    .find(table)
                    .ok_or_else(|| DatabaseError::new(&action, Unkept::NoTable))?;
                // A condition that ends in a comment must not swallow the bracket.
                let select = format!(
                    "SELECT {} FROM main.{} WHERE ({condition}\n)",
                    found.storage.key.join(", "),
                    quote(&found.name)
                );
                self.insert(connection, found, &select, &action).await?;
            }
        }
        self.follow(connection, catalogue).await?;
        let kept = self.tables.keys().map(|table| (table, self.rows(table)));
        Ok(kept
            .filter(|(_, rows)| *rows > 0)
            .map(|(table, rows)| (table.clone(), rows))
            .collect())
    }

    /// How many rows of `table` stay of those that would go.
    pub(super) fn rows(&self, table: &str) -> u64 {
        let keys = self.tables.get(table);
        let keys = keys.filter(|_| self.concerned.contains(table));
        keys.map_or(0, |keys| keys.rows.unsigned_abs())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// That a row of `table`, by the name `alias`, is kept; nothing where none is.
    pub(super) fn condition(&self, table: &Table, alias: &str) -> Option<String> {
        if self.rows(&table.name) == 0 {
            return None;
        }
        let keys = self.tables.get(&table.name)?;
        let named = table.storage.key.iter().map(|key| format!("{alias}.{key}"));
        Some(format!(
            "({}) IN (SELECT {} FROM temp.{})",
            named.collect::<Vec<_>>().join(", "),
            columns(table),
            keys.name
        ))
    }

    /// Follows the foreign keys of kept rows until that leads to no other row. A row is
    /// looked at once, for a chain may be as long as its table.
    async fn follow(
        &mut self,
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
    ) -> Result<(), DatabaseError> {
        loop {
            let mut grown = false;
            for child in catalogue.tables() {
                let Some(keys) = self.tables.get_mut(&child.name) else {
                    continue;
                };
                let new = (keys.followed, keys.rows);
                keys.followed = keys.rows;
                if new.0 == new.1 {
                    continue;
                }
                grown = true;
                for key in &child.foreign_keys {
                    if let Some(parent) = catalogue.find(&key.parent) {
                        self.follow_key(connection, child, key, parent, new).await?;
                    }
                }
            }
            if !grown {
                return Ok(());
            }
        }
    }

    async fn follow_key(
        &mut self,
        connection: &mut SqliteConnection,
        child: &Table,
        key: &ForeignKey,
        parent: &Table,
        (after, until): (i64, i64),
    ) -> Result<(), DatabaseError> {
        let Some(keys) = self.tables.get(&child.name) else {
            return Ok(());
        };
        let own = child.storage.key.iter().enumerate();
        let own = own.map(|(number, column)| format!("child.{column} = kept.k{number}"));
        let wanted = parent.storage.key.iter();
        // A cross join keeps SQLite from beginning with the parents.
        let select = format!(
            "SELECT {} FROM temp.{} AS kept CROSS JOIN main.{} AS child ON {} \
             CROSS JOIN main.{} AS parent ON {} WHERE kept.n > {after} AND kept.n <= {until}",
            wanted
                .map(|column| format!("parent.{column}"))
                .collect::<Vec<_>>()
                .join(", "),
            keys.name,
            quote(&child.name),
            own.collect::<Vec<_>>().join(" AND "),
            quote(&parent.name),
            key.matches("child", "parent"),
        );
        let action = format!(
            "find the rows of table `{}` to which kept rows of `{}` refer",
            parent.name, child.name
        );
        self.insert(connection, parent, &select, &action).await
    }

    /// Adds the rows of `table` whose keys `select` finds.
    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        table: &Table,
        select: &str,
        action: &str,
    ) -> Result<(), DatabaseError> {
        if table.virtual_table.is_some() {
            return Err(DatabaseError::new(action, Unkept::Virtual));
        }
        if table.storage.key.is_empty() {
            return Err(DatabaseError::new(action, Unkept::NoKey));
        }
        let columns = columns(table);
        if !self.tables.contains_key(&table.name) {
            let keys = Keys {
                name: format!("_factory_reset_kept_{}", self.tables.len()),
                rows: 0,
                followed: 0,
            };
            sqlx::query(AssertSqlSafe(format!(
                "CREATE TEMP TABLE {} (n INTEGER PRIMARY KEY, {columns}, UNIQUE ({columns}))",
                keys.name
            )))
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on(action))?;
            self.tables.insert(table.name.clone(), keys);
        }
        let Some(keys) = self.tables.get_mut(&table.name) else {
            return Ok(());
        };
        let inserted = sqlx::query(AssertSqlSafe(format!(
            "INSERT OR IGNORE INTO temp.{} ({columns}) {select}",
            keys.name
        )))
        .persistent(false)
        .execute(connection)
        .await
        .map_err(DatabaseError::on(action))?;
        keys.rows += i64::try_from(inserted.rows_affected()).unwrap_or(i64::MAX);
        Ok(())
    }
}

/// The columns of a temporary table of keys.
fn columns(table: &Table) -> String {
    let numbers = 0..table.storage.key.len();
    let columns = numbers.map(|number| format!("k{number}"));
    columns.collect::<Vec<_>>().join(", ")
}
