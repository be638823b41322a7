//! A small host: a data directory, a database with migrations, an engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use factory_reset::{
    Engine, EngineBuilder, Report, ResetRequest, Selection, Sqlite, StepReport, Way,
};
use factory_reset_steps::MediaDir;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, SqlitePool};
use tempfile::TempDir;

/// The steps that `factory_reset_steps` registers.
const BUILT_IN: [&str; 9] = [
    "config",
    "files",
    "generators",
    "media",
    "passphrase",
    "rate-limits",
    "runtimes",
    "tables",
    "watchtower",
];

/// To open a transaction that clears.
pub(crate) const CLEARING: Way = Way::Clearing { because: None };

/// For limits that a test is meant to reach. Everything else in it must end within them, on a
/// busy machine too.
pub(crate) const SHORT: Duration = Duration::from_secs(2);

/// A host whose data directory is `data`, with a database in it.
pub(crate) struct Host {
    directory: TempDir,
    pub(crate) options: SqliteConnectOptions,
    pub(crate) pool: SqlitePool,
    pub(crate) migrator: Migrator,
}

/// The migrations of a host that has posts, of which a fresh install has one.
pub(crate) const POSTS: &str = "
    CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    INSERT INTO posts (text) VALUES ('welcome');
    CREATE TABLE drafts (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
";

impl Host {
    /// A host with posts in WAL mode, two of them written by its user, and a media file.
    pub(crate) async fn new() -> Self {
        let host = Self::with(
            &[POSTS],
            SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Wal),
        )
        .await;
        host.run("INSERT INTO posts (text) VALUES ('first'), ('second')")
            .await;
        host.write("media/cat.jpg", "meow");
        host
    }

    /// A host with these migrations, all of them applied.
    pub(crate) async fn with(migrations: &[&str], options: SqliteConnectOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        let migrator = migrator(&directory.path().join("migrations"), migrations).await;
        let options = options
            .filename(directory.path().join("data/host.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options.clone()).await.unwrap();
        migrator.run(&pool).await.unwrap();
        Self {
            directory,
            options,
            pool,
            migrator,
        }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A place beside the data directory.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file into the data directory, with the directories around it.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.data().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs statements through the host's pool.
    pub(crate) async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// One number through the host's pool.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// One connection beside the pool.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        self.options.connect().await.unwrap()
    }

    /// A database for the engine. `FACTORY_IMAGE=off` runs the tests on the other way.
    pub(crate) async fn sqlite(&self) -> Sqlite {
        let database = Sqlite::open(&self.pool, &self.migrator).await.unwrap();
        database.factory_image(std::env::var_os("FACTORY_IMAGE").is_none_or(|way| way != "off"))
    }

    /// A builder with the database and no step but those in `steps`.
    pub(crate) async fn builder(&self, steps: &[&str]) -> EngineBuilder {
        only(steps)
            .data_dir(self.data())
            .database(self.sqlite().await)
    }

    /// An engine that clears the tables.
    pub(crate) async fn tables_engine(&self) -> Engine {
        self.builder(&["tables"]).await.build().await.unwrap()
    }

    /// Clears the tables, by an engine of its own.
    pub(crate) async fn reset_tables(&self) -> Report {
        let engine = self.tables_engine().await;
        engine.reset(everything()).await.unwrap()
    }

    /// A builder with the steps `tables` and `media`.
    pub(crate) async fn media_builder(&self) -> EngineBuilder {
        self.builder(&["tables", "media"])
            .await
            .resource(MediaDir::new("media"))
    }

    /// An engine that clears the tables and the media.
    pub(crate) async fn engine(&self) -> Engine {
        self.media_builder().await.build().await.unwrap()
    }
}

/// A builder without the built-in steps but for those in `wanted`.
pub(crate) fn only(wanted: &[&str]) -> EngineBuilder {
    let unwanted = BUILT_IN.iter().filter(|step| !wanted.contains(step));
    unwanted.fold(Engine::builder(), |builder, step| builder.without(*step))
}

/// Migrations from files, one each.
pub(crate) async fn migrator(directory: &Path, migrations: &[&str]) -> Migrator {
    fs::create_dir_all(directory).unwrap();
    for (index, sql) in migrations.iter().enumerate() {
        fs::write(directory.join(format!("{:04}_step.sql", index + 1)), sql).unwrap();
    }
    Migrator::new(directory).await.unwrap()
}

/// A confirmed request for everything.
pub(crate) fn everything() -> ResetRequest {
    ResetRequest::new(Selection::all()).confirmed()
}

/// The report of one step.
pub(crate) fn step<'a>(report: &'a Report, id: &str) -> &'a StepReport {
    report
        .steps
        .iter()
        .find(|step| step.id.as_str() == id)
        .unwrap()
}

/// The counts of a step's items by name.
pub(crate) fn counts(report: &Report, id: &str) -> BTreeMap<String, u64> {
    let items = step(report, id).items.iter();
    items.map(|item| (item.name.clone(), item.count)).collect()
}

/// Everything below `directory` but for the files of the database and the framework's own:
/// kind, mode, and content or target.
pub(crate) fn tree(directory: &Path) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    collect(directory, directory, &mut entries);
    entries.retain(|path, _| !path.contains("host.db") && !path.starts_with(".factory-reset"));
    entries
}

fn collect(root: &Path, directory: &Path, entries: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode();
        let what = if metadata.is_dir() {
            collect(root, &path, entries);
            format!("directory {mode:o}")
        } else if metadata.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_file() {
            format!("file {mode:o} {}", fs::read(&path).unwrap().escape_ascii())
        } else {
            format!("other {mode:o}")
        };
        let name = path.strip_prefix(root).unwrap();
        entries.insert(name.as_os_str().as_bytes().escape_ascii().to_string(), what);
    }
}

/// The names in the framework's own directory, but for the history and the reserve, which
/// stay there.
pub(crate) fn own(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join(".factory-reset")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name != "history" && name != "reserve");
    names.sort();
    names
}

/// Waits until `holds` says so; a minute is far more than any of it takes.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        while !holds() {
            turn.tick().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap();
}
