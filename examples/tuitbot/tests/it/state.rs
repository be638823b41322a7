//! Everything that a reset could change, to compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::server::Server;

/// Each table's rows as SQL literals, in order.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

/// Each path below a directory with its mode, and a file's content or a link's target.
pub(crate) type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// What a service holds: its files, its rows, and whether its automation runs.
pub(crate) struct State {
    files: Tree,
    rows: Rows,
    runtime: Value,
}

impl State {
    /// What `server` holds now.
    pub(crate) async fn of(server: &Server) -> Self {
        Self {
            files: files(server),
            rows: rows(&mut server.database().await).await,
            runtime: server.get("/api/runtime/status").await.json(),
        }
    }

    /// The same without the rows of `table`.
    pub(crate) fn without_rows(mut self, table: &str) -> Self {
        self.rows.remove(table);
        self
    }

    /// Nothing has changed since `earlier`.
    #[track_caller]
    pub(crate) fn assert_same(&self, earlier: &Self) {
        assert_eq!(differences(&earlier.files, &self.files), [""; 0]);
        assert_eq!(differences(&earlier.rows, &self.rows), [""; 0]);
        assert_eq!(self.runtime, earlier.runtime);
    }

    /// This is what a fresh install holds. A start makes an empty `media` again.
    #[track_caller]
    pub(crate) fn assert_factory(&self, fresh: &Self) {
        assert_eq!(differences(&fresh.rows, &self.rows), [""; 0]);
        for gone in ["config.toml", "passphrase_hash", "media"] {
            let mut paths = self.files.keys();
            let left = paths.find(|path| path.starts_with(gone) && *path != Path::new("media"));
            assert_eq!(left, None, "`{gone}` is left");
        }
        assert_eq!(self.runtime, json!({ "running": false, "task_count": 0 }));
    }

    /// What a fresh install holds.
    pub(crate) async fn fresh() -> Self {
        Self::of(&Server::fresh()).await
    }
}

/// The names of what is not the same in both.
fn differences<Key, Value>(one: &BTreeMap<Key, Value>, other: &BTreeMap<Key, Value>) -> Vec<String>
where
    Key: Ord + std::fmt::Debug,
    Value: PartialEq,
{
    let names = one.keys().chain(other.keys());
    let mut different: Vec<_> = names
        .filter(|name| one.get(name) != other.get(name))
        .map(|name| format!("{name:?}"))
        .collect();
    different.sort();
    different.dedup();
    different
}

/// The files of the data directory but for the database's, which any reader writes to, and the
/// framework's own.
fn files(server: &Server) -> Tree {
    let mut files = tree(server.directory());
    files.retain(|path, _| {
        let name = path.to_string_lossy();
        !name.starts_with("tuitbot.db") && !name.starts_with(".factory-reset")
    });
    files
}

/// Everything below `directory`.
pub(crate) fn tree(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(parent) = directories.pop() {
        for entry in fs::read_dir(parent).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_dir() {
                directories.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                target.into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(directory).unwrap().to_owned();
            tree.insert(name, (metadata.permissions().mode(), content));
        }
    }
    tree
}

/// All rows but the framework's own and those that track migrations, `sqlite_sequence`
/// included.
pub(crate) async fn rows(connection: &mut SqliteConnection) -> Rows {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT list.name, group_concat('quote(\"' || field.name || '\")', ' || '', '' || ') \
         FROM sqlite_schema AS list, pragma_table_info(list.name) AS field \
         WHERE list.type = 'table' AND list.name <> '_sqlx_migrations' \
           AND list.name NOT LIKE '\\_factory\\_reset%' ESCAPE '\\' \
         GROUP BY list.name",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut rows = Rows::new();
    for (table, values) in tables {
        let sql = AssertSqlSafe(format!("SELECT {values} FROM {table} ORDER BY 1"));
        let literals = sqlx::query_scalar(sql).fetch_all(&mut *connection).await;
        rows.insert(table, literals.unwrap());
    }
    rows
}
