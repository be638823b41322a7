//! A PostgreSQL server of its own, and databases of 30 tables in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use test_servers::{Database, Postgres};

use super::{Arena, Field, Left};
use crate::amount::Amount;
use crate::failure::Failure;
use crate::runtime::block_on;

/// How many tables there are, each with a reference to one before and two more indexes.
const TABLES: u64 = 30;

/// Words that stand in all rows.
const WORDS: &str = "name";

/// A server that syncs as it does out of the box.
pub(crate) struct Server {
    server: Postgres,
    directory: PathBuf,
}

impl Server {
    /// Starts it; hosts have their data directories below `directory`.
    pub(crate) fn start(directory: &Path) -> Result<Rc<Self>, Failure> {
        let server = Self {
            server: Postgres::start(),
            directory: directory.to_owned(),
        };
        let migrations = server.migrations();
        fs::create_dir_all(&migrations)?;
        fs::write(migrations.join("0001_schema.sql"), schema())?;
        Ok(Rc::new(server))
    }

    /// What makes the schema.
    pub(crate) fn migrations(&self) -> PathBuf {
        self.directory.join("postgres-migrations")
    }

    /// Which version it is.
    pub(crate) fn version(&self) -> String {
        let version = self.server.execute("postgres", "SHOW server_version");
        version.trim().to_owned()
    }
}

/// A database that is made once, and copied for each contestant.
pub(crate) struct Tables {
    server: Rc<Server>,
    original: Database,
}

impl Tables {
    /// Makes the original, with `rows` in all.
    pub(crate) fn make(server: &Rc<Server>, rows: Amount) -> Result<Self, Failure> {
        let original = server.server.create_database();
        block_on(async {
            let pool = PgPool::connect(&original.url).await?;
            Migrator::new(server.migrations()).await?.run(&pool).await?;
            pool.close().await;
            Ok::<_, Failure>(())
        })?;
        let each = (rows.0 / TABLES).max(1);
        let fills: String = (0..TABLES).map(|table| fill(table, each)).collect();
        server.server.execute(&original.name, &fills);
        server.server.execute(&original.name, "VACUUM ANALYZE");
        Ok(Self {
            server: Rc::clone(server),
            original,
        })
    }

    /// Their names, children first.
    pub(crate) fn names() -> Vec<String> {
        (0..TABLES).rev().map(|table| format!("t{table}")).collect()
    }
}

impl Arena for Tables {
    fn prepare(&self) -> Result<Field, Failure> {
        let database = self.server.server.copy_database(&self.original);
        // Nobody is to pay for what the copying has left to write.
        self.server.server.execute("postgres", "CHECKPOINT");
        let directory = self.server.directory.join("host");
        fs::create_dir_all(&directory)?;
        Ok(Field {
            media: directory.join("media"),
            directory,
            database: database.url,
        })
    }

    fn inspect(&self, field: &Field) -> Result<Left, Failure> {
        let any: Vec<_> = Self::names()
            .iter()
            .map(|table| format!("EXISTS (SELECT FROM {table})"))
            .collect();
        let any = format!("SELECT {}", any.join(" OR "));
        let any = self.server.server.execute(name(field), &any);
        if any.trim() != "f" {
            return Err("rows are left".into());
        }
        // What the server still has in its memory is not what it has in its files.
        self.server.server.execute("postgres", "CHECKPOINT");
        let left = self.server.server.execute(name(field), &left());
        let (bytes, is_readable) = left.trim().split_once('|').ok_or("no sizes are told")?;
        Ok(Left {
            bytes: Some(bytes.parse()?),
            is_readable: Some(is_readable == "t"),
            has_factory_rows: None,
        })
    }

    fn clean(&self, field: &Field) -> Result<(), Failure> {
        let database = Database {
            name: name(field).to_owned(),
            url: field.database.clone(),
        };
        self.server.server.drop_database(&database);
        Ok(fs::remove_dir_all(&field.directory)?)
    }
}

fn name(field: &Field) -> &str {
    field.database.rsplit('/').next().unwrap_or_default()
}

fn schema() -> String {
    let table = |table: u64| {
        let parent = if table == 0 { 0 } else { (table - 1) / 2 };
        format!(
            "CREATE TABLE t{table} (id bigint PRIMARY KEY, name text NOT NULL, note text NOT NULL,
                 parent bigint REFERENCES t{parent} (id));
             CREATE INDEX t{table}_name ON t{table} (name);
             CREATE INDEX t{table}_parent ON t{table} (parent);\n"
        )
    };
    (0..TABLES).map(table).collect()
}

/// How many bytes the tables still take, with all that belongs to them, and whether words of their
/// rows stand in their files.
fn left() -> String {
    format!(
        "SELECT sum(pg_total_relation_size(oid)),
             bool_or(position('{WORDS}'::bytea IN
                 pg_read_binary_file(pg_relation_filepath(oid))) > 0)
         FROM pg_class WHERE relname ~ '^t[0-9]+$'"
    )
}

/// About 225 bytes a row.
fn fill(table: u64, rows: u64) -> String {
    format!(
        "INSERT INTO t{table} SELECT n, '{WORDS} ' || md5(n::text), repeat(md5(n::text), 5), n
         FROM generate_series(1, {rows}) AS n; "
    )
}
