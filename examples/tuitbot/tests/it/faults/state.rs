//! All that a data directory holds.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use walkdir::WalkDir;

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
                if !is_kept(own) {
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
        let copy = tempfile::tempdir().unwrap();
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
    let mut all = BTreeMap::new();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 \
                 AND name <> '_factory_reset'";
    for table in strings(&mut connection, names).await {
        let columns =
            format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_xinfo('{table}')");
        let columns = strings(&mut connection, &columns).await.join(" || ',' || ");
        let rows = format!("SELECT {columns} AS row FROM \"{table}\" ORDER BY row");
        let rows = strings(&mut connection, &rows).await;
        all.insert(table, rows);
    }
    let schema = "SELECT type || ' ' || name || ' ' || ifnull(sql, '') AS row FROM sqlite_schema \
                  WHERE tbl_name <> '_factory_reset' ORDER BY row";
    for (name, sql) in [
        ("sqlite_schema", schema),
        ("integrity", "PRAGMA integrity_check"),
        ("dangling", "SELECT \"table\" FROM pragma_foreign_key_check"),
    ] {
        all.insert(name.to_owned(), strings(&mut connection, sql).await);
    }
    connection.close().await.unwrap();
    all
}

/// An error is a row too: it is in no state that is right.
async fn strings(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection);
    rows.await.unwrap_or_else(|error| vec![error.to_string()])
}
