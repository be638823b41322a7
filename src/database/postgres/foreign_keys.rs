//! Foreign keys, and how they are set aside.

use std::collections::BTreeMap;

use sqlx::postgres::PgDatabaseError;

use super::DatabaseError;
use super::catalogue::{Table, literal, quote};
use super::error::{failed, server_error};

/// A foreign key, of a table or of a single partition.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    name: String,
    /// What has it, as an SQL identifier with its schema.
    relation: String,
    /// Whether `relation` is a root with partitions.
    is_partitioned: bool,
    /// The table that refers; of a partition its root.
    pub(super) table: String,
    /// The table that is referred to; of a partition its root.
    pub(super) parent: String,
    columns: Vec<String>,
    parent_columns: Vec<String>,
    /// What compares each of `parent_columns` with its column.
    operators: Vec<String>,
    /// The statement's end that makes it again.
    definition: String,
    comment: Option<String>,
    /// Whether it waits for the end of the transaction without being asked to.
    pub(super) is_deferred: bool,
    /// Whether the role may set it aside.
    pub(super) can_alter: bool,
}

/// Rows that refer to what is gone.
#[derive(Debug, thiserror::Error)]
#[error(
    "rows of table `{table}` refer to rows of `{parent}` which are gone: \
     reset `{table}` as well, or keep `{parent}`"
)]
struct Dangling {
    table: String,
    parent: String,
    source: sqlx::Error,
}

/// They as [`Row`]s. What is looked up in them is looked up one by one: a join would read all
/// columns and operators there are for each.
pub(super) const FOREIGN_KEYS: &str = "
    SELECT f.conname::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname),
           c.relkind = 'p',
           coalesce(pg_catalog.pg_partition_root(f.conrelid), f.conrelid)
               ::pg_catalog.oid::pg_catalog.int8,
           coalesce(pg_catalog.pg_partition_root(f.confrelid), f.confrelid)
               ::pg_catalog.oid::pg_catalog.int8,
           array(SELECT (SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = f.conrelid AND a.attnum = k.number)
                 FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY AS k (number, place)
                 ORDER BY k.place),
           array(SELECT (SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
                         WHERE a.attrelid = f.confrelid AND a.attnum = k.number)
                 FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY AS k (number, place)
                 ORDER BY k.place),
           array(SELECT (SELECT pg_catalog.format('OPERATOR(%I.%s)', s.nspname, o.oprname)
                         FROM pg_catalog.pg_operator AS o
                         JOIN pg_catalog.pg_namespace AS s ON s.oid = o.oprnamespace
                         WHERE o.oid = k.operator)
                 FROM pg_catalog.unnest(f.conpfeqop) WITH ORDINALITY AS k (operator, place)
                 ORDER BY k.place),
           pg_catalog.pg_get_constraintdef(f.oid),
           pg_catalog.obj_description(f.oid, 'pg_constraint'), f.condeferred,
           pg_catalog.pg_has_role(c.relowner, 'USAGE')
    FROM pg_catalog.pg_constraint AS f
    JOIN pg_catalog.pg_class AS c ON c.oid = f.conrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE f.contype = 'f' AND f.conparentid = 0 AND c.relpersistence <> 't'
    ORDER BY 2, 1";

/// What the catalogue says of one.
pub(super) type Row = (
    String,
    String,
    bool,
    i64,
    i64,
    Vec<String>,
    Vec<String>,
    Vec<String>,
    String,
    Option<String>,
    bool,
    bool,
);

impl ForeignKey {
    /// Those of `rows` that are between the tables in `names`.
    pub(super) fn between(names: &BTreeMap<i64, String>, rows: Vec<Row>) -> Vec<Self> {
        let keys = rows.into_iter().filter_map(|row| {
            Some(Self {
                name: row.0,
                relation: row.1,
                is_partitioned: row.2,
                table: names.get(&row.3)?.clone(),
                parent: names.get(&row.4)?.clone(),
                columns: row.5,
                parent_columns: row.6,
                operators: row.7,
                definition: row.8,
                comment: row.9,
                is_deferred: row.10,
                can_alter: row.11,
            })
        });
        keys.collect()
    }

    /// What tells it from every other.
    pub(super) fn id(&self) -> (&str, &str) {
        (&self.relation, &self.name)
    }

    /// What SQL calls the rows that refer.
    pub(super) fn rows(&self) -> String {
        let only = if self.is_partitioned { "" } else { "ONLY " };
        format!("{only}{}", self.relation)
    }

    /// That the row `child` refers to anything at all: with one NULL it does not.
    pub(super) fn refers(&self, child: &str) -> String {
        let columns = self.columns.iter();
        let columns = columns.map(|column| format!("{child}.{} IS NOT NULL", quote(column)));
        columns.collect::<Vec<_>>().join(" AND ")
    }

    /// That the row `child` refers to the row `parent`.
    pub(super) fn matches(&self, child: &str, parent: &str) -> String {
        let pairs = self.columns.iter().zip(&self.parent_columns);
        let pairs = pairs.zip(&self.operators);
        let equal = pairs.map(|((column, parent_column), operator)| {
            let (column, parent_column) = (quote(column), quote(parent_column));
            format!("{parent}.{parent_column} {operator} {child}.{column}")
        });
        equal.collect::<Vec<_>>().join(" AND ")
    }

    /// Whether it may be set aside for no more than speed: of partitions each has one.
    pub(super) fn is_cheap_aside(&self) -> bool {
        self.can_alter && !self.is_partitioned
    }

    /// The statement that drops it, inside the open transaction. A role that is not the
    /// superuser cannot switch a foreign key off, and one that deletes on its own would reach
    /// tables that stay.
    pub(super) fn dropping(&self) -> String {
        let (relation, name) = (&self.relation, quote(&self.name));
        format!("ALTER TABLE {relation} DROP CONSTRAINT {name}")
    }

    /// The statement that makes it again as it was; the server checks every row.
    pub(super) fn making(&self) -> String {
        let (relation, name, definition) = (&self.relation, quote(&self.name), &self.definition);
        let mut sql = format!("ALTER TABLE {relation} ADD CONSTRAINT {name} {definition}");
        if let Some(comment) = &self.comment {
            let comment = literal(comment);
            sql.push_str(&format!(
                "; COMMENT ON CONSTRAINT {name} ON {relation} IS {comment}"
            ));
        }
        sql
    }

    /// Whether the server's refusal is about this one.
    fn is_broken(&self, refusal: &PgDatabaseError) -> bool {
        let relation = refusal.schema().zip(refusal.table());
        let relation =
            relation.map(|(schema, table)| format!("{}.{}", quote(schema), quote(table)));
        let own = self.relation.replace('"', "");
        refusal.constraint() == Some(&*self.name)
            && relation.is_some_and(|relation| relation.replace('"', "") == own)
    }

    /// Says which tables do not fit together any more, if that is why one of `keys` could not be
    /// made again.
    pub(super) fn dangling(keys: &[Self], source: sqlx::Error) -> DatabaseError {
        let refusal = server_error(&source).filter(|error| error.code() == "23503");
        let broken = refusal.and_then(|error| keys.iter().find(|key| key.is_broken(error)));
        let Some(broken) = broken else {
            return failed("put the foreign keys back")(source);
        };
        let (table, parent) = (broken.table.clone(), broken.parent.clone());
        let dangling = Dangling {
            table,
            parent,
            source,
        };
        DatabaseError::new("keep the foreign keys intact", dangling)
    }
}

/// Parents before their children, and of each cycle the foreign keys that this order breaks.
pub(super) fn parents_first<'a>(
    tables: &[&'a Table],
    keys: &'a [ForeignKey],
) -> (Vec<&'a Table>, Vec<&'a ForeignKey>) {
    let mut rest: Vec<&Table> = tables.to_vec();
    let mut ordered: Vec<&Table> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let waits = |table: &Table| {
            keys.iter().any(|key| {
                key.table == table.name
                    && key.parent != table.name
                    && rest.iter().any(|other| other.name == key.parent)
            })
        };
        // Within a cycle any will do.
        let next = rest.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(rest.remove(next));
    }
    let place = |name: &str| ordered.iter().position(|table| table.name == name);
    let is_broken = |key: &&ForeignKey| match (place(&key.table), place(&key.parent)) {
        (Some(child), Some(parent)) => child < parent,
        _ => false,
    };
    let broken = keys.iter().filter(is_broken).collect();
    (ordered, broken)
}
