//! A small host over PostgreSQL: a data directory, a database with migrations, an engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use factory_reset::{Engine, EngineBuilder, Postgres, Report};
use factory_reset_steps::MediaDir;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tempfile::TempDir;

use crate::fixture::{everything, migrator, only};

/// The server of all tests.
pub(crate) fn server() -> &'static test_servers::Postgres {
    test_servers::Postgres::shared()
}

/// A host with a data directory and a database of its own, whose role owns it and may create
/// databases, and nothing else.
pub(crate) struct PostgresHost {
    directory: TempDir,
    pub(crate) database: test_servers::Database,
    pub(crate) pool: PgPool,
    pub(crate) migrator: Migrator,
}

/// The migrations of a host that has posts, of which a fresh install has one.
pub(crate) const POSTS: &str = "
    CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL);
    INSERT INTO posts (text) VALUES ('welcome');
    CREATE TABLE drafts (id integer PRIMARY KEY, text text NOT NULL);
";

impl PostgresHost {
    /// A host with posts, two of them written by its user, and a media file.
    pub(crate) async fn new() -> Self {
        let host = Self::with(&[POSTS]).await;
        host.run("INSERT INTO posts (text) VALUES ('first'), ('second')")
            .await;
        host.write("media/cat.jpg", "meow");
        host
    }

    /// A host with these migrations, all of them applied.
    pub(crate) async fn with(migrations: &[&str]) -> Self {
        let database = server().create_database_of(test_servers::Postgres::CREATOR);
        let url = database.url.clone();
        Self::at(&url, database, migrations).await
    }

    /// A host that reaches its database at `url`.
    pub(crate) async fn at(
        url: &str,
        database: test_servers::Database,
        migrations: &[&str],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        let migrator = migrator(&directory.path().join("migrations"), migrations).await;
        let pool = PgPool::connect(url).await.unwrap();
        migrator.run(&pool).await.unwrap();
        Self {
            directory,
            database,
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
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.database.url).await.unwrap()
    }

    /// A database for the engine.
    pub(crate) async fn postgres(&self) -> Postgres {
        Postgres::open(&self.pool, &self.migrator).await.unwrap()
    }

    /// A builder with the database and no step but those in `steps`.
    pub(crate) async fn builder(&self, steps: &[&str]) -> EngineBuilder {
        only(steps)
            .data_dir(self.data())
            .database(self.postgres().await)
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

/// Everything in the database but what tracks migrations and resets.
pub(crate) async fn dump(pool: &PgPool) -> BTreeMap<String, Vec<String>> {
    test_servers::dump(&mut pool.acquire().await.unwrap()).await
}
