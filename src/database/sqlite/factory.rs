//! What a fresh install holds.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::connect::Connect;
use super::schema_order::SchemaOrder;
use super::{Catalogue, DatabaseError};

/// The name under which the factory database is attached.
pub(super) const SCHEMA: &str = "factory";

/// A database in memory on which the host's migrations have run, and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Factory {
    /// SQLite's `memdb` file system shares a name that starts with `/` within the process:
    /// <https://sqlite.org/src/file/src/memdb.c>.
    name: String,
    catalogue: Arc<Catalogue>,
    order: Arc<SchemaOrder>,
    tables: Arc<BTreeSet<String>>,
    migrations_table: Cow<'static, str>,
    /// Keeps the database alive; nothing is ever run on it again.
    _connection: Arc<Mutex<SqliteConnection>>,
}

impl Factory {
    pub(super) async fn build(
        connect: &Connect,
        migrator: &Migrator,
        encoding: &str,
    ) -> Result<Self, DatabaseError> {
        let name = format!("/factory-reset-{}", Uuid::now_v7());
        let mut connection = connect.open_memory(&name, encoding).await?;
        migrator.run(&mut connection).await.map_err(|error| {
            DatabaseError::new("run the migrations on a scratch database", error)
        })?;
        let catalogue = Catalogue::read(&mut connection, "main").await?;
        let order = SchemaOrder::read(&mut connection).await?;
        let tables = catalogue
            .tables()
            .map(|table| table.name.clone())
            .filter(|name| *name != migrator.table_name)
            .collect();
        Ok(Self {
            name,
            catalogue: Arc::new(catalogue),
            order: Arc::new(order),
            tables: Arc::new(tables),
            migrations_table: migrator.table_name.clone(),
            _connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// The tables that the migrations create.
    pub(super) fn tables(&self) -> &BTreeSet<String> {
        &self.tables
    }

    /// Where the migrator keeps track of migrations.
    pub(super) fn migrations_table(&self) -> &str {
        &self.migrations_table
    }

    /// How they look in a fresh install.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// In which order its schema stands.
    pub(super) fn order(&self) -> &SchemaOrder {
        &self.order
    }

    /// Makes the factory rows readable on `connection` as the schema [`SCHEMA`]. Not
    /// possible inside a transaction.
    pub(super) async fn attach(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        let attach = format!("ATTACH 'file:{}?vfs=memdb' AS {SCHEMA}", self.name);
        sqlx::query(AssertSqlSafe(attach))
            .execute(connection)
            .await
            .map_err(DatabaseError::on("attach the factory rows"))?;
        Ok(())
    }
}
