//! What a fresh install holds.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};

use super::catalogue::{Catalogue, Table};
use super::connect::{Connect, close};
use super::error::failed;
use super::host_path::{self, HostPath};
use super::pristine::{self, Pristine};
use super::scratch::{Model, Scratch};
use super::sequences::{self, State};
use super::{DatabaseError, copies, copy, run, script};
use crate::database::FactoryRows;
use crate::database::factory_rows::{Difference, creates_tables};

/// The rows of a fresh install's table.
#[derive(Debug)]
pub(super) struct Seed {
    /// Into which columns, as a list for SQL.
    pub(super) columns: String,
    /// In the text format of COPY.
    pub(super) rows: Vec<u8>,
}

/// What a fresh install holds.
#[derive(Debug)]
pub(super) struct Factory {
    tables: BTreeSet<String>,
    migrations_table: Option<String>,
    /// Of each table that has any.
    seeds: BTreeMap<String, Seed>,
    /// Where each sequence stands, by its identifier.
    sequences: BTreeMap<String, State>,
}

impl Factory {
    /// Runs the migrations on a scratch database and reads what they leave.
    pub(super) async fn migrated(
        host: &mut PgConnection,
        scratch: &Connect,
        migrator: &Migrator,
        path: &HostPath,
    ) -> Result<Self, DatabaseError> {
        let model = Model::of(host, path).await?;
        let scratch = Scratch::create(scratch, &model).await?;
        let factory = Self::migrate(&scratch, migrator, &model).await;
        scratch.drop().await;
        factory
    }

    async fn migrate(
        scratch: &Scratch,
        migrator: &Migrator,
        model: &Model,
    ) -> Result<Self, DatabaseError> {
        let mut connection = scratch.open_plain(model).await?;
        migrator
            .run(&mut connection)
            .await
            .map_err(|error| match error {
                MigrateError::ExecuteMigration(error, number) => {
                    failed(format!("run migration {number} on a scratch database"))(error)
                }
                error => DatabaseError::new("run the migrations on a scratch database", error),
            })?;
        close(connection).await;
        let mut connection = scratch.open(model).await?;
        let catalogue = Catalogue::read(&mut connection, model.schema(), None).await?;
        let table = migrations_table(&mut connection, migrator, &catalogue, model).await?;
        let mut factory = Self::read(&mut connection, &catalogue).await?;
        close(connection).await;
        factory.tables.remove(&table);
        factory.seeds.remove(&table);
        factory.migrations_table = Some(table);
        Ok(factory)
    }

    /// Takes the rows from elsewhere, for the database `identity`, whose tables `live` has.
    pub(super) async fn from_rows(
        host: &mut PgConnection,
        connect: &Connect,
        rows: &FactoryRows,
        live: &Catalogue,
        (identity, path): (&str, &HostPath),
    ) -> Result<Self, DatabaseError> {
        match rows {
            FactoryRows::None => Ok(Self::empty(live)),
            FactoryRows::Database(address) => {
                let model = Model::of(host, path).await?;
                let pristine = Pristine::open(connect, address, &model).await?;
                if pristine.identity == identity {
                    return Err(pristine::same());
                }
                pristine.read(live).await
            }
            FactoryRows::Script(sql) if creates_tables(sql) => {
                let model = Model::of(host, path).await?;
                let scratch = Scratch::create(connect, &model).await?;
                let factory = Self::run(&scratch, sql, &model, live).await;
                scratch.drop().await;
                factory
            }
            FactoryRows::Script(sql) => copies::read(connect, sql, live, &path.schema).await,
        }
    }

    /// Runs a script that creates tables.
    async fn run(
        scratch: &Scratch,
        sql: &str,
        model: &Model,
        live: &Catalogue,
    ) -> Result<Self, DatabaseError> {
        let mut connection = scratch.open_plain(model).await?;
        script::run(&mut connection, sql).await?;
        close(connection).await;
        let mut connection = scratch.open(model).await?;
        let catalogue = Catalogue::read(&mut connection, model.schema(), None).await?;
        compare(live, &catalogue)?;
        let factory = Self::read(&mut connection, &catalogue).await?;
        close(connection).await;
        Ok(factory)
    }

    /// The tables there are without any rows.
    pub(super) fn empty(live: &Catalogue) -> Self {
        Self {
            tables: live.tables().map(|table| table.name.clone()).collect(),
            migrations_table: None,
            seeds: BTreeMap::new(),
            sequences: BTreeMap::new(),
        }
    }

    /// Reads every row.
    pub(super) async fn read(
        connection: &mut PgConnection,
        catalogue: &Catalogue,
    ) -> Result<Self, DatabaseError> {
        let mut factory = Self::empty(catalogue);
        for table in catalogue.tables() {
            let rows = table.rows();
            factory.read_rows(connection, table, &rows).await?;
        }
        let sequences = catalogue.all_sequences();
        factory.sequences = sequences::read(connection, sequences).await?;
        Ok(factory)
    }

    /// Reads the rows of `table`, which SQL calls `rows`.
    pub(super) async fn read_rows(
        &mut self,
        connection: &mut PgConnection,
        table: &Table,
        rows: &str,
    ) -> Result<(), DatabaseError> {
        let mut copied = Vec::new();
        copy::rows_to(connection, table, rows, &mut copied, None).await?;
        if !copied.is_empty() {
            let seed = Seed {
                columns: table.column_list(),
                rows: copied,
            };
            self.seeds.insert(table.name.clone(), seed);
        }
        Ok(())
    }

    /// Says where the sequence `relation` stands.
    pub(super) fn set_sequence(&mut self, relation: String, state: State) {
        self.sequences.insert(relation, state);
    }

    /// The tables of a fresh install.
    pub(super) fn tables(&self) -> &BTreeSet<String> {
        &self.tables
    }

    /// Where the migrator keeps track of migrations, should there be one.
    pub(super) fn migrations_table(&self) -> Option<&str> {
        self.migrations_table.as_deref()
    }

    /// The rows that a fresh install has in `table`.
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
    model: &Model,
) -> Result<String, DatabaseError> {
    // The migrator may name it without its schema.
    model.apply(connection).await?;
    let oid: Option<i64> =
        sqlx::query_scalar("SELECT pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.int8")
            .bind(migrator.table_name.as_ref())
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("look for the migrations table"))?;
    run(connection, &host_path::engine_session())
        .await
        .map_err(failed("look for the migrations table"))?;
    let is_it = |table: &&Table| Some(table.oid) == oid;
    let found = catalogue.tables().find(is_it);
    Ok(found.map_or_else(
        || migrator.table_name.to_string(),
        |table| table.name.clone(),
    ))
}

/// Whether every row of `fresh` has its place in `live`.
pub(super) fn compare(live: &Catalogue, fresh: &Catalogue) -> Result<(), DatabaseError> {
    let differ = |difference| DatabaseError::new("use the source of the factory rows", difference);
    for theirs in fresh.tables() {
        let Some(ours) = live.table(&theirs.name) else {
            return Err(differ(Difference::Table(theirs.name.clone())));
        };
        let columns = |table: &Table| {
            let columns = table.columns.iter();
            columns
                .map(|(name, kind)| format!("`{name}` ({kind})"))
                .collect()
        };
        Difference::of_columns(&theirs.name, columns(ours), columns(theirs)).map_err(differ)?;
    }
    Ok(())
}
