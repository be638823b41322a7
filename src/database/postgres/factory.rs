//! What a fresh install holds.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgConnection};

use super::catalogue::{Catalogue, Table};
use super::connect::{Connect, close};
use super::error::failed;
use super::scratch::{Model, Scratch};
use super::sequences::{self, State};
use super::{DatabaseError, copy};

/// The rows of a fresh install's table.
#[derive(Debug)]
pub(super) struct Seed {
    /// Into which columns, as a list for SQL.
    pub(super) columns: String,
    /// In the text format of COPY.
    pub(super) rows: Vec<u8>,
}

/// What the host's migrations make of an empty database.
#[derive(Debug)]
pub(super) struct Factory {
    tables: BTreeSet<String>,
    migrations_table: String,
    /// Of each table that has any.
    seeds: BTreeMap<String, Seed>,
    /// Where each sequence stands, by its identifier.
    sequences: BTreeMap<String, State>,
}

impl Factory {
    /// Runs the migrations on a scratch database and reads what they leave.
    pub(super) async fn build(
        host: &mut PgConnection,
        scratch: &Connect,
        migrator: &Migrator,
        schema: &str,
    ) -> Result<Self, DatabaseError> {
        let model = Model::of(host, schema).await?;
        let scratch = Scratch::create(scratch, &model).await?;
        let factory = Self::read(&scratch, migrator, &model).await;
        scratch.drop().await;
        factory
    }

    async fn read(
        scratch: &Scratch,
        migrator: &Migrator,
        model: &Model,
    ) -> Result<Self, DatabaseError> {
        let mut connection = scratch.migrate(migrator, model).await?;
        let catalogue = Catalogue::read(&mut connection).await?;
        let migrations_table = migrations_table(&mut connection, migrator, &catalogue).await?;
        let mut seeds = BTreeMap::new();
        let mut tables = BTreeSet::new();
        for table in catalogue.tables() {
            if table.name == migrations_table {
                continue;
            }
            tables.insert(table.name.clone());
            let mut rows = Vec::new();
            copy::rows_to(&mut connection, table, &mut rows, None).await?;
            if !rows.is_empty() {
                let columns = table.column_list();
                seeds.insert(table.name.clone(), Seed { columns, rows });
            }
        }
        let sequences = sequences::read(&mut connection, catalogue.all_sequences()).await?;
        close(connection).await;
        Ok(Self {
            tables,
            migrations_table,
            seeds,
            sequences,
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

    /// The rows that migrations put into `table`.
    pub(super) fn seed(&self, table: &str) -> Option<&Seed> {
        self.seeds.get(table)
    }

    /// Where the sequences stand.
    pub(super) fn sequences(&self) -> &BTreeMap<String, State> {
        &self.sequences
    }
}

/// The name in the catalogue of the table that the migrator writes to.
async fn migrations_table(
    connection: &mut PgConnection,
    migrator: &Migrator,
    catalogue: &Catalogue,
) -> Result<String, DatabaseError> {
    let oid: Option<i64> = sqlx::query_scalar(AssertSqlSafe(
        "SELECT to_regclass($1)::oid::bigint".to_owned(),
    ))
    .bind(migrator.table_name.as_ref())
    .fetch_one(connection)
    .await
    .map_err(failed("look for the migrations table"))?;
    let is_it = |table: &&Table| Some(table.oid) == oid;
    let found = catalogue.tables().find(is_it);
    Ok(found.map_or_else(
        || migrator.table_name.to_string(),
        |table| table.name.clone(),
    ))
}
