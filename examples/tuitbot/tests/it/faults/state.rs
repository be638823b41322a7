//! All that a data directory holds.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use walkdir::{DirEntry, WalkDir};

use super::fixture::directory;

const DATABASE: &str = "tuitbot.db";
const OWN_DIRECTORY: &str = ".factory-reset";

/// What must be the same where nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Every table's rows, the schema and what the integrity check says; without the reset's
    /// own table.
    tables: BTreeMap<String, Vec<String>>,
    /// Mode and content of every file, mode of every directory; without the database.
    files: BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>,
    /// What a reset that is over has left of itself.
    left: Vec<PathBuf>,
}

impl State {
    /// Reads it while no host runs, and changes nothing.
    pub(super) async fn read(data: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut left = Vec::new();
        for entry in WalkDir::new(data).min_depth(1).sort_by_file_name() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(data).unwrap().to_owned();
            if let Ok(own) = name.strip_prefix(OWN_DIRECTORY) {
                if !is_kept(own) || is_empty_reserve(&entry) {
                    left.push(name);
                }
            } else if !name.to_string_lossy().starts_with(DATABASE) {
                let content = entry.file_type().is_file();
                let content = content.then(|| fs::read(entry.path()).unwrap());
                let mode = entry.metadata().unwrap().permissions().mode();
                files.insert(name, (mode, content));
            }
        }
        // Opening the database would change it.
        let copy = directory();
        for suffix in ["", "-wal"] {
            let name = format!("{DATABASE}{suffix}");
            if data.join(&name).exists() {
                fs::copy(data.join(&name), copy.path().join(&name)).unwrap();
            }
        }
        Self {
            tables: tables(&copy.path().join(DATABASE)).await,
            files,
            left,
        }
    }

    /// The rows of `table`, each as text.
    pub(super) fn rows(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// The same but for what `other` has more: where the automation runs, rows come.
    pub(super) fn has_same_files(&self, other: &Self) -> bool {
        self.files == other.files && self.left == other.left
    }

    /// In what they differ, shortly.
    pub(super) fn difference(&self, other: &Self) -> String {
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
    name.is_empty() || name == "lock" || name == "reserve" || name.starts_with("history")
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
