//! A table's references to another, as its statement declares them.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::{DatabaseError, quote};

/// A foreign key.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    /// The table that it names, which need not exist.
    pub(crate) parent: String,
    /// Each column with the parent's column to which it refers; the primary key where none is
    /// named.
    columns: Vec<(String, Option<String>)>,
}

impl ForeignKey {
    /// Every foreign key of `schema` with its table.
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        schema: &str,
    ) -> Result<Vec<(String, Self)>, DatabaseError> {
        let columns: Vec<(String, i64, String, String, Option<String>)> =
            sqlx::query_as(AssertSqlSafe(format!(
                "SELECT list.name, key.id, key.\"table\", key.\"from\", key.\"to\" \
                 FROM pragma_table_list AS list, \
                      pragma_foreign_key_list(list.name, '{schema}') AS key \
                 WHERE list.schema = '{schema}' AND list.type = 'table' \
                 ORDER BY list.name, key.id, key.seq"
            )))
            .fetch_all(connection)
            .await
            .map_err(DatabaseError::on("read the database's catalogue"))?;
        let mut keys: Vec<(String, Self)> = Vec::new();
        let mut last = None;
        for (table, id, parent, from, to) in columns {
            let this = Some((table.clone(), id));
            match keys.last_mut() {
                Some((_, key)) if last == this => key.columns.push((from, to)),
                _ => {
                    let columns = vec![(from, to)];
                    keys.push((table, Self { parent, columns }));
                }
            }
            last = this;
        }
        Ok(keys)
    }

    /// Names the parent's columns where the declaration leaves it to the primary key, and tells
    /// whether that is possible.
    pub(super) fn resolve(&mut self, primary_key: &[String]) -> bool {
        if self.columns.iter().any(|(_, to)| to.is_none()) {
            if self.columns.len() != primary_key.len() {
                return false;
            }
            for ((_, to), column) in self.columns.iter_mut().zip(primary_key) {
                *to = Some(column.clone());
            }
        }
        true
    }

    /// That a row of the parent `parent` is the one to which `child` refers. The plus takes the
    /// child's affinity away: SQLite compares by the parent's affinity and collation
    /// (<https://sqlite.org/foreignkeys.html#fk_basics>).
    pub(super) fn matches(&self, child: &str, parent: &str) -> String {
        let columns = self.columns.iter().filter_map(|(from, to)| {
            let to = quote(to.as_deref()?);
            Some(format!("{parent}.{to} = +{child}.{}", quote(from)))
        });
        columns.collect::<Vec<_>>().join(" AND ")
    }

    /// That `child` refers to anything at all.
    pub(super) fn is_set(&self, child: &str) -> String {
        let columns = self
            .columns
            .iter()
            .map(|(from, _)| format!("{child}.{} IS NOT NULL", quote(from)));
        columns.collect::<Vec<_>>().join(" AND ")
    }
}
