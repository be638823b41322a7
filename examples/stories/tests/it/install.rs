//! An installation of the host on either database, with a Redis server, and all that it keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::redis::AsyncCommands;
use fault_sweeps::State;
use reqwest::Method;
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use test_servers::{Database, Postgres, Redis};

use crate::host::Host;
use crate::server::{Answer, Server, send};

/// Where the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Makes two tests of each function: one on SQLite, one on PostgreSQL.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            // With threads: a test may serve what its host asks for while it starts.
            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$test(crate::install::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$test(crate::install::Backend::Postgres).await;
            }
        }
    )+ };
}
pub(crate) use on_each_database;

/// A data directory, a database and a place in a Redis server.
pub(crate) struct Install {
    pub(crate) data: PathBuf,
    pub(crate) database: Option<Database>,
    /// Where the host finds its database, when that is not its own address.
    pub(crate) line: Option<String>,
    /// Where Redis is; none when empty.
    pub(crate) redis: String,
    _owned: TempDir,
}

impl Install {
    pub(crate) fn new(backend: Backend) -> Self {
        Self::with_redis(backend, Redis::shared().create_database())
    }

    pub(crate) fn with_redis(backend: Backend, redis: String) -> Self {
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Postgres::shared().create_database_of(Postgres::CREATOR)),
        };
        Self::over(database, redis)
    }

    pub(crate) fn over(database: Option<Database>, redis: String) -> Self {
        let owned = fault_sweeps::directory();
        Self {
            data: owned.path().canonicalize().unwrap().join("data"),
            database,
            line: None,
            redis,
            _owned: owned,
        }
    }

    /// What starts the host on it.
    pub(crate) fn host(&self) -> Host {
        let mut host = Host::at(&self.data);
        if !self.redis.is_empty() {
            host = host.redis(&self.redis);
        }
        match (&self.line, &self.database) {
            (Some(line), _) => host.database(line),
            (None, Some(database)) => host.database(&database.url),
            (None, None) => host,
        }
    }

    /// The host with example data, and an administrator's token.
    pub(crate) async fn serve_demo(self) -> Service {
        let server = self.host().demo().start();
        let admin = server.token("admin").await;
        Service {
            install: self,
            server,
            admin,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// All rows, files and keys. Of backups, what the tests of backups say.
    pub(crate) async fn state(&self) -> State {
        let state = match &self.database {
            None => State::of_sqlite(&self.data, "stories.db").await,
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                let tables = test_servers::dump(&mut connection).await;
                connection.close().await.unwrap();
                State::of_files(&self.data, tables)
            }
        };
        let state = state.without_files("backups");
        match self.keys().await {
            Some(keys) => state.with("redis", keys),
            None => state,
        }
    }

    /// All keys with their values; nothing when Redis is down.
    async fn keys(&self) -> Option<Vec<String>> {
        let client = ::redis::Client::open(&*self.redis).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.ok()?;
        let mut keys: Vec<String> = redis.keys("*").await.unwrap();
        keys.sort();
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let value: Vec<u8> = ::redis::cmd("DUMP")
                .arg(&key)
                .query_async(&mut redis)
                .await
                .unwrap();
            all.push(format!("{key} {value:?}"));
        }
        Some(all)
    }

    /// Keeps `value` under `key`.
    pub(crate) async fn set_key(&self, key: &str, value: &str) {
        let client = ::redis::Client::open(&*self.redis).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let _: () = redis.set(key, value).await.unwrap();
    }

    /// The names of the keys that begin with `prefix`.
    pub(crate) async fn count_keys(&self, prefix: &str) -> u64 {
        let keys = self.keys().await.unwrap();
        keys.iter().filter(|key| key.starts_with(prefix)).count() as u64
    }

    async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let url = match &self.database {
            None => format!("sqlite://{}", self.path("stories.db").display()),
            Some(database) => database.url.clone(),
        };
        AnyConnection::connect(&url).await.unwrap()
    }

    /// Changes rows behind the host's back.
    pub(crate) async fn execute(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The one number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        let number = number.fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        number
    }

    pub(crate) async fn count(&self, table: &str) -> u64 {
        let count = self.number(&format!("SELECT count(*) FROM {table}")).await;
        count.try_into().unwrap()
    }

    /// How many rows each of `tables` has.
    pub(crate) async fn counts(&self, tables: &[&str]) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for table in tables {
            counts.insert((*table).to_owned(), self.count(table).await);
        }
        counts
    }
}

/// An installation with a host that runs on it.
pub(crate) struct Service {
    // Dropped first: it ends what uses the rest.
    pub(crate) server: Server,
    pub(crate) install: Install,
    /// A token of an administrator.
    pub(crate) admin: String,
}

impl Service {
    /// One that has been used.
    pub(crate) async fn demo(backend: Backend) -> Self {
        Install::new(backend).serve_demo().await
    }

    /// `GET /api/reset/…`
    pub(crate) async fn get(&self, call: &str) -> Answer {
        let path = format!("/api/reset/{call}");
        self.server.get(&path, &self.admin).await
    }

    /// `POST /api/reset/…`
    pub(crate) async fn post(&self, call: &str, body: Value) -> Answer {
        let path = format!("/api/reset/{call}");
        self.server.post(&path, &self.admin, body).await
    }

    /// The same with a header.
    pub(crate) async fn post_with(
        &self,
        call: &str,
        (name, value): (&str, &str),
        body: &Value,
    ) -> Answer {
        let path = format!("/api/reset/{call}");
        let request = self.server.request(Method::POST, &path);
        let request = request.bearer_auth(&self.admin).header(name, value);
        send(request.json(body)).await
    }

    pub(crate) async fn state(&self) -> State {
        self.install.state().await
    }

    /// Ends the host in good order, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.server.stop();
        self.server = self.install.host().start();
    }

    /// The first administrator after a reset; his token from here on.
    pub(crate) async fn set_up(&mut self) {
        let answer = self.server.set_up(&self.server.setup_token()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.admin);
    }
}

/// A report's or preview's items of `step`: how many of each there are.
pub(crate) fn items(report: &Value, step: &str) -> BTreeMap<String, u64> {
    let steps = report["steps"].as_array().unwrap();
    let of_step = steps.iter().filter(|entry| entry["id"] == step);
    let items = of_step.flat_map(|entry| entry["items"].as_array().unwrap());
    items
        .map(|item| {
            let name = item["name"].as_str().unwrap().to_owned();
            (name, item["count"].as_u64().unwrap())
        })
        .collect()
}

/// How many files there are below a directory.
pub(crate) fn count_files(directory: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(directory).into_iter();
    let files = entries.filter(|entry| entry.as_ref().unwrap().file_type().is_file());
    files.count() as u64
}
