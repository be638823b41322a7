//! Sample databases.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use test_servers::Postgres;

use crate::bench::Bench;

/// Tables with their rows as text, and whatever else there is.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

/// A shop with a database of its own.
pub(crate) enum Sample {
    Sqlite(SqliteConnectOptions),
    Postgres(test_servers::Database),
}

pub(crate) const SQLITE: [&str; 2] = [
    include_str!("../samples/shop.sqlite.sql"),
    include_str!("../samples/shop.sqlite.rows.sql"),
];
pub(crate) const POSTGRES: [&str; 2] = [
    include_str!("../samples/shop.postgres.sql"),
    include_str!("../samples/shop.postgres.rows.sql"),
];

impl Sample {
    /// A database in the data directory, on which these scripts have run.
    pub(crate) async fn sqlite(bench: &Bench, scripts: &[&str]) -> Self {
        Self::sqlite_at(bench, "data/shop.db", scripts).await
    }

    pub(crate) async fn sqlite_at(bench: &Bench, path: &str, scripts: &[&str]) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(bench.path().join(path))
            .foreign_keys(true)
            .create_if_missing(true);
        let sample = Self::Sqlite(options);
        sample.run_all(scripts).await;
        sample
    }

    /// A database whose role owns it and may create databases.
    pub(crate) async fn postgres(scripts: &[&str]) -> Self {
        let sample = Self::Postgres(Postgres::shared().create_database_of(Postgres::CREATOR));
        sample.run_all(scripts).await;
        sample
    }

    async fn run_all(&self, scripts: &[&str]) {
        for script in scripts {
            self.run(script).await;
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(options) => format!("sqlite:{}", options.get_filename().display()),
            Self::Postgres(database) => database.url.clone(),
        }
    }

    pub(crate) async fn sqlite_connection(options: &SqliteConnectOptions) -> SqliteConnection {
        options.connect().await.unwrap()
    }

    pub(crate) async fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(options) => {
                let mut connection = Self::sqlite_connection(options).await;
                sql.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                sql.execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// One number; on PostgreSQL a `bigint`.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(options) => {
                let mut connection = Self::sqlite_connection(options).await;
                let query = sqlx::query_scalar(AssertSqlSafe(sql));
                query.fetch_one(&mut connection).await.unwrap()
            }
            Self::Postgres(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                let query = sqlx::query_scalar(AssertSqlSafe(sql));
                query.fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// Everything in it, but for the commit record.
    pub(crate) async fn dump(&self) -> Dump {
        match self {
            Self::Sqlite(options) => {
                let mut connection = Self::sqlite_connection(options).await;
                let dump = dump(&mut connection).await;
                connection.close().await.unwrap();
                dump
            }
            Self::Postgres(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                test_servers::dump(&mut connection).await
            }
        }
    }
}

/// Every table that holds rows, shadow tables and SQLite's own included, and the schema.
async fn dump(connection: &mut SqliteConnection) -> Dump {
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "SELECT list.name, list.wr FROM pragma_table_list AS list \
         JOIN sqlite_schema AS known ON known.name = list.name AND known.rootpage > 0 \
         WHERE list.schema = 'main' AND list.name <> '_factory_reset'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut dump = Dump::new();
    for (table, without_rowid) in tables {
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_xinfo(?)")
            .bind(&table)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let rowid = if columns.contains(&"rowid".to_owned()) {
            "_rowid_"
        } else {
            "rowid"
        };
        let mut parts: Vec<_> = columns
            .iter()
            .map(|column| format!("quote({})", quote(column)))
            .collect();
        if !without_rowid && !table.starts_with("sqlite_") {
            parts.push(rowid.to_owned());
        }
        let select = format!(
            "SELECT {} AS row FROM {} ORDER BY row",
            parts.join(" || ', ' || "),
            quote(&table)
        );
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(select))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let rows = rows.iter();
        let rows = rows.map(|row| String::from_utf8_lossy(row).into_owned());
        dump.insert(table, rows.collect());
    }
    let schema: Vec<String> = sqlx::query_scalar(
        "SELECT coalesce(sql, name) FROM sqlite_schema WHERE tbl_name <> '_factory_reset' \
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    dump.insert("schema".to_owned(), schema);
    dump
}

/// The same tables with the same rows; says which are not.
pub(crate) fn assert_same(left: &Dump, right: &Dump) {
    for name in left.keys().chain(right.keys()) {
        assert_eq!(left.get(name), right.get(name), "{name}");
    }
}
