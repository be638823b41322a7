//! A table's references to another, as its statement declares them.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{DatabaseError, pragma, quote};

/// A foreign key.
#[derive(Debug, Clone)]
pub(crate) struct ForeignKey {
    /// The table that it names, which need not exist.
    pub(crate) parent: String,
    /// Each column with the parent's column to which it refers; the primary key where none is
    /// named.
    columns: Vec<(String, Option<String>)>,
}

/// A column of a foreign key, as SQLite lists it.
struct Declared {
    table: String,
    id: i64,
    seq: i64,
    parent: String,
    from: String,
    to: Option<String>,
}

impl Declared {
    fn read(table: &str, row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            table: table.to_owned(),
            id: row.try_get("id")?,
            seq: row.try_get("seq")?,
            parent: row.try_get("table")?,
            from: row.try_get("from")?,
            to: row.try_get("to")?,
        })
    }
}

impl ForeignKey {
    /// Every foreign key of the tables `names` in `schema`, each with its table.
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        schema: &str,
        names: &[&str],
    ) -> Result<Vec<(String, Self)>, DatabaseError> {
        let failed = || DatabaseError::on("read the database's catalogue");
        let answers = pragma::for_each(connection, schema, "foreign_key_list", names)
            .await
            .map_err(failed())?;
        let mut columns = Vec::new();
        for (table, answers) in names.iter().zip(answers) {
            for row in answers {
                let column = Declared::read(table, &row).map_err(failed())?;
                columns.push(column);
            }
        }
        columns.sort_by(|one, other| {
            (&one.table, one.id, one.seq).cmp(&(&other.table, other.id, other.seq))
        });
        let mut keys: Vec<(String, Self)> = Vec::new();
        let mut last = None;
        for Declared {
            table,
            id,
            seq: _,
            parent,
            from,
            to,
        } in columns
        {
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
