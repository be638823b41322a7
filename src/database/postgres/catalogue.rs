//! Tables, columns and sequences as PostgreSQL's own catalogue has them.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

use super::DatabaseError;
use super::ask::ask_all;
use super::error::failed;
use super::foreign_keys::{FOREIGN_KEYS, ForeignKey};
use super::record::Record;
use super::trust::{Stranger, by_table, strangers};
use crate::database::RECORD_TABLE;

/// The tables of one database, in all schemas: not those of extensions, nor temporary ones. A
/// partition belongs to its root.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    tables: BTreeMap<String, Table>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Each with the table that it counts for.
    sequences: Vec<Sequence>,
    /// Whose code the tables reach, by their numbers; 0 stands for all of them.
    strangers: BTreeMap<i64, Stranger>,
    /// Whether that is as it should be.
    is_trusted: bool,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// As the engine knows it: bare in the current schema, `schema.table` in another.
    pub(super) name: String,
    pub(super) oid: i64,
    /// As an SQL identifier with its schema.
    pub(super) relation: String,
    /// As an SQL identifier without its schema, in the current one.
    bare: Option<String>,
    pub(super) is_partitioned: bool,
    /// The columns that can be written, each with its type; generated ones cannot.
    pub(super) columns: Vec<(String, String)>,
}

/// A sequence that counts for a column: its own, or one that its default draws from.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) table: String,
    pub(super) column: String,
    /// As an SQL identifier with its schema.
    pub(super) relation: String,
    /// Where it starts by its definition.
    pub(super) start: i64,
    pub(super) increment: i64,
}

impl Table {
    /// What SQL may call it without its schema.
    pub(super) fn bare(&self) -> Option<&str> {
        self.bare.as_deref()
    }

    /// What SQL calls its rows: without those of tables that inherit from it, which are
    /// tables of their own; with those of its partitions, which are not.
    pub(super) fn rows(&self) -> String {
        if self.is_partitioned {
            self.relation.clone()
        } else {
            format!("ONLY {}", self.relation)
        }
    }

    /// The columns that make a row whole, for an INSERT and its SELECT.
    pub(super) fn column_list(&self) -> String {
        let columns = self.columns.iter().map(|(name, _)| quote(name));
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// `$1` is the host's schema.
const TABLES: &str = "
    SELECT c.oid::pg_catalog.int8, c.relname::pg_catalog.text, n.nspname::pg_catalog.text,
           pg_catalog.format('%I.%I', n.nspname, c.relname),
           n.nspname = $1::pg_catalog.name, c.relkind = 'p',
           array(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = '' ORDER BY a.attnum),
           array(SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
                 FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = '' ORDER BY a.attnum)
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND d.objid = c.oid AND d.deptype = 'e')";

/// Those that a column owns (`serial`, identity), and those that a default draws from.
const SEQUENCES: &str = "
    SELECT used.relation::pg_catalog.int8, used.attribute,
           pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqstart, s.seqincrement
    FROM (
        SELECT d.refobjid AS relation, a.attname::pg_catalog.text AS attribute,
               d.objid AS sequence
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_attribute AS a
          ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND d.deptype IN ('a', 'i')
        UNION
        SELECT f.adrelid, a.attname::pg_catalog.text, d.refobjid
        FROM pg_catalog.pg_attrdef AS f
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
        JOIN pg_catalog.pg_depend AS d
          ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    ) AS used
    JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = used.sequence
    JOIN pg_catalog.pg_class AS c ON c.oid = used.sequence
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    ORDER BY 3, 1, 2";

type TableRow = (
    i64,
    String,
    String,
    String,
    bool,
    bool,
    Vec<String>,
    Vec<String>,
);

impl Catalogue {
    /// Reads it with bare names for the tables of `schema`, and looks at the table of the commit
    /// records in the same round trip. Runs no code but the server's own.
    pub(super) async fn read(
        connection: &mut PgConnection,
        schema: &str,
        record: Option<&Record>,
    ) -> Result<Self, DatabaseError> {
        const ACTION: &str = "read the database's catalogue";
        let failed = || failed(ACTION);
        let tables = TABLES.replace("$1", &literal(schema));
        let strangers = strangers();
        let refusal = record.map(Record::refusal).unwrap_or_default();
        let statements = [&*tables, FOREIGN_KEYS, SEQUENCES, &strangers, &refusal];
        let answers = ask_all(connection, &statements)
            .await
            .map_err(|error| match record {
                Some(record) => record.failed(ACTION, error),
                None => failed()(error),
            })?;
        let [listed, foreign_keys, sequences, strangers, _] = &answers[..] else {
            return Ok(Self::default());
        };
        let listed: Vec<TableRow> = rows(listed).map_err(failed())?;
        let mut tables = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (oid, table, schema, relation, is_current, is_partitioned, columns, types) in listed {
            if is_current && table == RECORD_TABLE {
                continue;
            }
            let name = if is_current {
                plain(&table)
            } else {
                format!("{}.{}", plain(&schema), plain(&table))
            };
            let bare = is_current.then(|| quote(&table));
            names.insert(oid, name.clone());
            let table = Table {
                name: name.clone(),
                oid,
                relation,
                bare,
                is_partitioned,
                columns: columns.into_iter().zip(types).collect(),
            };
            tables.insert(name, table);
        }
        let foreign_keys = rows(foreign_keys).map_err(failed())?;
        let foreign_keys = ForeignKey::between(&names, foreign_keys);
        let sequences: Vec<(i64, String, String, i64, i64)> = rows(sequences).map_err(failed())?;
        let sequences = sequences.into_iter();
        let sequences = sequences.filter_map(|(oid, column, relation, start, increment)| {
            Some(Sequence {
                table: names.get(&oid)?.clone(),
                column,
                relation,
                start,
                increment,
            })
        });
        Ok(Self {
            tables,
            foreign_keys,
            sequences: sequences.collect(),
            strangers: by_table(rows(strangers).map_err(failed())?),
            is_trusted: false,
        })
    }

    /// The same, but with every role trusted or not.
    #[must_use]
    pub(super) fn trusted(mut self, is_trusted: bool) -> Self {
        self.is_trusted = is_trusted;
        self
    }

    /// Whether every role is trusted.
    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Refuses `tables`, and those that refer to them, if their code reaches an object of a role
    /// that is not trusted.
    pub(super) fn check_trust(&self, tables: &[String]) -> Result<(), DatabaseError> {
        if self.is_trusted || self.strangers.is_empty() {
            return Ok(());
        }
        let keys = self.foreign_keys.iter();
        let referring = keys.filter(|key| tables.contains(&key.parent));
        let names = tables.iter().chain(referring.map(|key| &key.table));
        for table in names.filter_map(|name| self.table(name)) {
            let stranger = self.strangers.get(&table.oid);
            if let Some(stranger) = stranger.or_else(|| self.strangers.get(&0)) {
                return Err(stranger.refusal(&table.name));
            }
        }
        Ok(())
    }

    /// Every table, by name.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// The table `name`.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The sequences that count for `table`.
    pub(super) fn sequences<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Sequence> {
        self.sequences
            .iter()
            .filter(move |sequence| sequence.table == table)
    }

    /// Every sequence that counts for a table.
    pub(super) fn all_sequences(&self) -> &[Sequence] {
        &self.sequences
    }
}

fn rows<T: for<'r> FromRow<'r, PgRow>>(rows: &[PgRow]) -> Result<Vec<T>, sqlx::Error> {
    rows.iter().map(T::from_row).collect()
}

/// A name in the list: quoted only where its dots could be taken for a schema's.
fn plain(name: &str) -> String {
    if name.contains(['.', '"']) {
        quote(name)
    } else {
        name.to_owned()
    }
}

/// `name` as an SQL identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as an SQL string.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
