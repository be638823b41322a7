//! Tables, columns and foreign keys as SQLite's own catalogue has them.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection};

use super::foreign_key::ForeignKey;
use super::pragma::{self, Kind, Listed};
use super::{DatabaseError, factory};

/// The tables of one schema.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    tables: BTreeMap<String, Table>,
}

/// A table as a user sees it; the shadow tables of a virtual table belong to it.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// For a virtual table: the ordinary tables in which it keeps its content.
    pub(crate) virtual_table: Option<Vec<Storage>>,
    pub(crate) storage: Storage,
    /// Its references to other tables, or itself.
    pub(crate) foreign_keys: Vec<ForeignKey>,
}

/// What holds rows: an ordinary table or a shadow table.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) name: String,
    /// The columns that can be written; generated ones cannot.
    pub(crate) columns: Vec<String>,
    /// A name by which the row number can be read and written, where it is not a column.
    pub(crate) rowid: Option<&'static str>,
    /// What tells its rows apart, as SQL identifiers: the row number, or the primary key where
    /// there is no such number. Nothing where columns hide all the names of the number.
    pub(crate) key: Vec<String>,
}

struct Column {
    table: String,
    name: String,
    hidden: i64,
    integer_key: bool,
    /// The place in the primary key, from 1.
    key: i64,
}

impl Storage {
    /// The list of columns that makes a row whole, for an INSERT and its SELECT.
    pub(crate) fn column_list(&self) -> String {
        let columns = self.columns.iter().map(|column| quote(column));
        let rowid = self.rowid.map(str::to_owned);
        rowid
            .into_iter()
            .chain(columns)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Table {
    /// The ordinary tables that hold this table's rows.
    pub(crate) fn storages(&self) -> &[Storage] {
        match &self.virtual_table {
            Some(shadows) => shadows,
            None => std::slice::from_ref(&self.storage),
        }
    }
}

impl Catalogue {
    /// Reads the schema `schema` of `connection`.
    pub(crate) async fn read(
        connection: &mut SqliteConnection,
        schema: &str,
    ) -> Result<Self, DatabaseError> {
        let failed = || DatabaseError::on("read the database's catalogue");
        let listed = pragma::tables(connection, schema).await?;
        let names: Vec<&str> = listed.iter().map(|table| table.name.as_str()).collect();
        let indexes = pragma::for_each(connection, schema, "index_list", &names)
            .await
            .map_err(failed())?;
        let described = pragma::for_each(connection, schema, "table_xinfo", &names)
            .await
            .map_err(failed())?;
        let mut columns = Vec::new();
        for ((table, indexes), described) in listed.iter().zip(indexes).zip(described) {
            let mut has_key_index = false;
            for index in indexes {
                let origin: String = index.try_get("origin").map_err(failed())?;
                has_key_index |= origin == "pk";
            }
            for column in described {
                let key: i64 = column.try_get("pk").map_err(failed())?;
                columns.push(Column {
                    table: table.name.clone(),
                    name: column.try_get("name").map_err(failed())?,
                    hidden: column.try_get("hidden").map_err(failed())?,
                    integer_key: key > 0 && !table.is_without_rowid && !has_key_index,
                    key,
                });
            }
        }
        let ordinary = listed.iter().filter(|table| table.kind == Kind::Ordinary);
        let ordinary: Vec<&str> = ordinary.map(|table| table.name.as_str()).collect();
        let foreign_keys = ForeignKey::read(connection, schema, &ordinary).await?;
        Ok(Self::assemble(&listed, &columns, foreign_keys))
    }

    fn assemble(
        listed: &[Listed],
        columns: &[Column],
        foreign_keys: Vec<(String, ForeignKey)>,
    ) -> Self {
        // One look for all tables: there may be thousands of them.
        let mut described: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
        for column in columns {
            described.entry(&column.table).or_default().push(column);
        }
        let of = |table: &str| described.get(table).map_or(&[][..], Vec::as_slice);
        let mut shadows: BTreeMap<&str, Vec<Storage>> = BTreeMap::new();
        let virtuals: Vec<&str> = listed
            .iter()
            .filter(|table| table.kind == Kind::Virtual)
            .map(|table| table.name.as_str())
            .collect();
        for shadow in listed.iter().filter(|table| table.kind == Kind::Shadow) {
            if let Some(owner) = owner(&shadow.name, &virtuals) {
                let storage = storage(&shadow.name, shadow.is_without_rowid, of(&shadow.name));
                shadows.entry(owner).or_default().push(storage);
            }
        }
        let mut tables = BTreeMap::new();
        for table in listed.iter().filter(|table| table.kind != Kind::Shadow) {
            let name = &table.name;
            let is_virtual = table.kind == Kind::Virtual;
            let assembled = Table {
                name: name.clone(),
                virtual_table: is_virtual
                    .then(|| shadows.remove(name.as_str()).unwrap_or_default()),
                storage: storage(name, table.is_without_rowid, of(name)),
                foreign_keys: Vec::new(),
            };
            tables.insert(name.clone(), assembled);
        }
        let mut catalogue = Self { tables };
        for (name, mut key) in foreign_keys {
            let parent = catalogue.find(&key.parent).map(|table| table.name.clone());
            let parent = parent.as_deref().map_or(&[][..], of);
            let resolved = key.resolve(&primary_key(parent));
            if let Some(table) = catalogue.tables.get_mut(&name).filter(|_| resolved) {
                table.foreign_keys.push(key);
            }
        }
        catalogue
    }

    /// Every table, by name.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// The table `name`.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The table that SQL means by `name`, in which case does not matter.
    pub(crate) fn find(&self, name: &str) -> Option<&Table> {
        self.table(name).or_else(|| {
            let mut tables = self.tables();
            tables.find(|table| table.name.eq_ignore_ascii_case(name))
        })
    }
}

/// Of a table's columns, those of the primary key in its order.
fn primary_key(columns: &[&Column]) -> Vec<String> {
    let mut key: Vec<_> = columns.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    key.into_iter().map(|column| column.name.clone()).collect()
}

fn storage(name: &str, without_rowid: bool, all: &[&Column]) -> Storage {
    // A key without an index of its own is the row number already.
    let named = without_rowid || all.iter().any(|column| column.integer_key);
    let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| {
        !named
            && all
                .iter()
                .all(|column| !column.name.eq_ignore_ascii_case(alias))
    });
    let primary_key = primary_key(all);
    Storage {
        name: name.to_owned(),
        // 0 is an ordinary column; others are generated, or hidden in a virtual table.
        columns: all
            .iter()
            .filter(|column| column.hidden == 0)
            .map(|column| column.name.clone())
            .collect(),
        key: match rowid {
            Some(rowid) => vec![rowid.to_owned()],
            None if named => primary_key.iter().map(|column| quote(column)).collect(),
            None => Vec::new(),
        },
        rowid,
    }
}

/// The virtual table whose shadow `shadow` is: the one with the longest name that, with a
/// `_`, begins the shadow's.
fn owner<'a>(shadow: &str, virtuals: &[&'a str]) -> Option<&'a str> {
    // SQLite compares both in any case.
    let begins = |name: &&&str| {
        let split = shadow.as_bytes().split_at_checked(name.len());
        split.is_some_and(|(begin, rest)| {
            begin.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b"_")
        })
    };
    let owners = virtuals.iter().filter(begins).copied();
    owners.max_by_key(|name| name.len())
}

/// `name` as an SQL identifier.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The factory's version of a table, as an SQL identifier.
pub(super) fn factory_table(name: &str) -> String {
    format!("{}.{}", factory::SCHEMA, quote(name))
}
