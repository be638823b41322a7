//! What a fresh install holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::connect::{Connect, Layout};
use super::connection::OwnConnection;
use super::schema::Schema;
use super::schema_order::SchemaOrder;
use super::unclaimed::FreshSchema;
use super::{Catalogue, DatabaseError, Table, pristine, script};
use crate::database::FactoryRows;
use crate::database::factory_rows::{Difference, creates_tables};

/// The name under which the factory database is attached.
pub(super) const SCHEMA: &str = "factory";

/// A database in memory that holds a fresh install, and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Factory {
    /// SQLite's `memdb` file system shares a name that starts with `/` within the process:
    /// <https://sqlite.org/src/file/src/memdb.c>.
    name: String,
    catalogue: Arc<Catalogue>,
    order: Arc<SchemaOrder>,
    tables: Arc<BTreeSet<String>>,
    migrations_table: Option<String>,
    /// Nothing where the source of the rows is no fresh install.
    schema: Option<Arc<FreshSchema>>,
    /// Keeps the database alive; nothing is ever run on it again.
    _connection: Arc<Mutex<OwnConnection>>,
}

impl Factory {
    /// Runs the host's migrations.
    pub(super) async fn migrated(
        connect: &Connect,
        migrator: &Migrator,
        layout: &Layout,
    ) -> Result<Self, DatabaseError> {
        let name = new_name();
        let mut connection = connect.open_memory(&name, layout).await?;
        migrator.run(&mut *connection).await.map_err(|error| {
            DatabaseError::new("run the migrations on a scratch database", error)
        })?;
        let table = migrator.table_name.to_string();
        let schema = FreshSchema::read(&mut connection, "main").await?;
        Self::read(name, connection, Some(table), Some(schema)).await
    }

    /// Takes the rows from elsewhere, for the tables of the service's database `live`.
    pub(super) async fn from_rows(
        connect: &Connect,
        rows: &FactoryRows,
        live: &mut SqliteConnection,
        (file, layout): (&str, &Layout),
    ) -> Result<Self, DatabaseError> {
        let name = new_name();
        let mut connection = connect.open_untrusted_memory(&name, layout).await?;
        // Scripts fill tables in any order; the reset checks what refers to what.
        sqlx::query("PRAGMA foreign_keys = OFF")
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on("set the scratch database up"))?;
        let mut fresh = None;
        match rows {
            FactoryRows::None => {
                let schema = Schema::read(live, "main").await?;
                schema.only(&["table"]).create(&mut connection).await?;
            }
            FactoryRows::Script(sql) => {
                if !creates_tables(sql) {
                    let schema = Schema::read(live, "main").await?;
                    schema.create(&mut connection).await?;
                }
                script::run(&mut connection, sql).await?;
            }
            FactoryRows::Database(pristine) => {
                fresh = Some(pristine::copy(&mut connection, pristine, file).await?);
            }
        }
        let factory = Self::read(name, connection, None, fresh).await?;
        let live = Catalogue::read(live, "main").await?;
        compare(&live, &factory.catalogue)
            .map_err(|error| DatabaseError::new("use the source of the factory rows", error))?;
        Ok(factory)
    }

    async fn read(
        name: String,
        mut connection: OwnConnection,
        migrations_table: Option<String>,
        schema: Option<FreshSchema>,
    ) -> Result<Self, DatabaseError> {
        let catalogue = Catalogue::read(&mut connection, "main").await?;
        let order = SchemaOrder::read(&mut connection).await?;
        let tables = catalogue
            .tables()
            .map(|table| table.name.clone())
            .filter(|name| Some(name) != migrations_table.as_ref())
            .collect();
        Ok(Self {
            name,
            catalogue: Arc::new(catalogue),
            order: Arc::new(order),
            tables: Arc::new(tables),
            migrations_table,
            schema: schema.map(Arc::new),
            _connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// The tables of a fresh install.
    pub(super) fn tables(&self) -> &BTreeSet<String> {
        &self.tables
    }

    /// Where the migrator keeps track of migrations, should there be one.
    pub(super) fn migrations_table(&self) -> Option<&str> {
        self.migrations_table.as_deref()
    }

    /// How they look in a fresh install.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What its schema has, where it is known.
    pub(super) fn schema(&self) -> Option<&FreshSchema> {
        self.schema.as_deref()
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

/// The name of a database in memory that no other has.
pub(super) fn new_name() -> String {
    format!("/factory-reset-{}", Uuid::now_v7())
}

/// Whether every row of `fresh` has its place in `live`.
fn compare(live: &Catalogue, fresh: &Catalogue) -> Result<(), Difference> {
    for theirs in fresh.tables() {
        let Some(ours) = live.table(&theirs.name) else {
            return Err(Difference::Table(theirs.name.clone()));
        };
        Difference::of_columns(&theirs.name, columns(ours), columns(theirs))?;
    }
    Ok(())
}

/// What is copied of a table; with what holds it, for a virtual table.
fn columns(table: &Table) -> Vec<String> {
    let storages = table.storages().iter();
    let columns = storages.flat_map(|storage| {
        let columns = storage.columns.iter().map(|column| format!("`{column}`"));
        let columns = columns.chain(storage.rowid.map(str::to_owned));
        columns.map(|column| match &table.virtual_table {
            Some(_) => format!("`{}`.{column}", storage.name),
            None => column,
        })
    });
    columns.collect()
}
