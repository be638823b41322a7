//! All that a host keeps.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use walkdir::{DirEntry, WalkDir};

use crate::place::directory;

const OWN_DIRECTORY: &str = ".factory-reset";

/// What must be the same where nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Every table's rows, the schema and what the integrity check says; without the reset's
    /// own table.
    tables: BTreeMap<String, Vec<String>>,
    /// Mode and content of every file, mode of every directory; without the database.
    files: BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>,
    /// What a reset that is over has left of itself.
    left: Vec<PathBuf>,
}

impl State {
    /// Reads the directory `data` and the SQLite database `database` in it, while nothing
    /// changes them, and changes nothing.
    pub async fn of_sqlite(data: &Path, database: &str) -> Self {
        // Opening the database would change it.
        let copy = directory();
        for suffix in ["", "-wal"] {
            let name = format!("{database}{suffix}");
            if data.join(&name).exists() {
                fs::copy(data.join(&name), copy.path().join(&name)).unwrap();
            }
        }
        let mut state = Self::of_files(data, tables(&copy.path().join(database)).await);
        let is_database = |path: &PathBuf| path.to_string_lossy().starts_with(database);
        state.files.retain(|path, _| !is_database(path));
        state
    }

    /// Reads the directory `data`, while nothing changes it, and changes nothing; `tables` are
    /// kept elsewhere.
    #[must_use]
    pub fn of_files(data: &Path, tables: BTreeMap<String, Vec<String>>) -> Self {
        let mut files = BTreeMap::new();
        let mut left = Vec::new();
        for entry in WalkDir::new(data).min_depth(1).sort_by_file_name() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(data).unwrap().to_owned();
            if let Ok(own) = name.strip_prefix(OWN_DIRECTORY) {
                if !is_kept(own) || is_empty_reserve(&entry) {
                    left.push(name);
                }
            } else {
                let content = entry.file_type().is_file();
                let content = content.then(|| fs::read(entry.path()).unwrap());
                let mode = entry.metadata().unwrap().permissions().mode();
                files.insert(name, (mode, content));
            }
        }
        Self {
            tables,
            files,
            left,
        }
    }

    /// The same with more that is kept elsewhere.
    #[must_use]
    pub fn with(mut self, name: &str, rows: Vec<String>) -> Self {
        self.tables.insert(name.to_owned(), rows);
        self
    }

    /// The same without what is below `path`.
    #[must_use]
    pub fn without_files(mut self, path: &str) -> Self {
        self.files.retain(|file, _| !file.starts_with(path));
        self
    }

    /// The same, whatever the content of this file is.
    #[must_use]
    pub fn without_content(mut self, path: &str) -> Self {
        if let Some((_, content)) = self.files.get_mut(Path::new(path)) {
            *content = None;
        }
        self
    }

    /// The same without the rows of `table`.
    #[must_use]
    pub fn without_rows(mut self, table: &str) -> Self {
        self.tables.remove(table);
        self
    }

    /// What each table holds.
    #[must_use]
    pub fn tables(&self) -> &BTreeMap<String, Vec<String>> {
        &self.tables
    }

    /// The files below `path`, each with its content.
    pub fn files(&self, path: &str) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().filter_map(move |(file, (_, content))| {
            let content = content.as_deref()?;
            file.starts_with(path).then_some((file.as_path(), content))
        })
    }

    /// The rows of `table`, each as text.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// The same but for what `other` has more: where the automation runs, rows come.
    #[must_use]
    pub fn has_same_files(&self, other: &Self) -> bool {
        self.files == other.files && self.left == other.left
    }

    /// Fails, and says in what they differ, unless they are the same.
    #[track_caller]
    pub fn assert_is(&self, other: &Self) {
        assert!(self == other, "{}", self.difference(other));
    }

    /// In what they differ, shortly.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let mut all = Vec::new();
        compare(&self.tables, &other.tables, &mut all);
        compare(&self.files, &other.files, &mut all);
        if self.left != other.left {
            all.push(format!("left: {:?} / {:?}", self.left, other.left));
        }
        all.join("; ")
    }
}

/// What stays in the reset's own directory when none is under way.
fn is_kept(own: &Path) -> bool {
    let name = own.to_string_lossy();
    name.is_empty() || name == "lock" || name == "reserve" || is_record(&name)
}

fn is_record(name: &str) -> bool {
    ["history", "idempotency"]
        .iter()
        .any(|folder| name.starts_with(folder))
}

/// Room that is kept for a full disk, and is none.
fn is_empty_reserve(entry: &DirEntry) -> bool {
    entry.file_name() == "reserve" && entry.metadata().unwrap().len() == 0
}

fn compare<Key: Debug + Ord, Value: Debug + PartialEq>(
    left: &BTreeMap<Key, Value>,
    right: &BTreeMap<Key, Value>,
    all: &mut Vec<String>,
) {
    let mut keys: Vec<_> = left.keys().chain(right.keys()).collect();
    keys.sort();
    keys.dedup();
    let show = |value: Option<&Value>| {
        let text = value.map_or("none".to_owned(), |value| format!("{value:?}"));
        let short: String = text.chars().take(60).collect();
        format!("{short} ({} characters)", text.len())
    };
    for key in keys {
        let (left, right) = (left.get(key), right.get(key));
        if left != right {
            all.push(format!("{key:?}: {} / {}", show(left), show(right)));
        }
    }
}

async fn tables(database: &Path) -> BTreeMap<String, Vec<String>> {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = match options.connect().await {
        Ok(connection) => connection,
        Err(error) => return BTreeMap::from([("broken".to_owned(), vec![error.to_string()])]),
    };
    let mut queries = vec![
        "SELECT 'schema', type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema \
         WHERE tbl_name <> '_factory_reset'"
            .to_owned(),
        "SELECT 'integrity', * FROM pragma_integrity_check".to_owned(),
        "SELECT 'dangling', \"table\" FROM pragma_foreign_key_check".to_owned(),
    ];
    // The database itself puts the query of each table together.
    let selects = "SELECT kept.name, format('SELECT %Q, %s FROM %w', kept.name, \
             group_concat(format('quote(\"%w\")', row.name), ' || '','' || '), kept.name) \
         FROM sqlite_schema AS kept JOIN pragma_table_xinfo(kept.name) AS row \
         WHERE kept.type = 'table' AND kept.rootpage > 0 AND kept.name <> '_factory_reset' \
         GROUP BY kept.name";
    let selects = rows(&mut connection, selects).await.into_iter();
    queries.extend(selects.map(|(_, select)| select));
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (table, row) in rows(&mut connection, &queries.join(" UNION ALL ")).await {
        all.entry(table).or_default().push(row);
    }
    connection.close().await.unwrap();
    for rows in all.values_mut() {
        rows.sort();
    }
    all
}

/// Of two columns. An error is a row too: it is in no state that is right.
async fn rows(connection: &mut SqliteConnection, sql: &str) -> Vec<(String, String)> {
    let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection);
    rows.await
        .unwrap_or_else(|error| vec![("broken".to_owned(), error.to_string())])
}
