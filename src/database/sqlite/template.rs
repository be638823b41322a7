//! A fresh install with the schema of the host's database, which becomes a factory image.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::connect::{Connect, Layout};
use super::connection::OwnConnection;
use super::factory::{self, Factory, new_name};
use super::schema::Schema;
use super::schema_order::SchemaOrder;
use super::vacuum::KEEPER;
use super::{Catalogue, DatabaseError, clear, counters, record};
use crate::database::RECORD_TABLE;

/// A database in memory with the tables, indexes, triggers and views of the host's, the factory
/// rows, and the table of the commit record.
#[derive(Debug)]
pub(super) struct Template {
    /// Under which other connections of this process can attach it.
    pub(super) name: String,
    /// What it is like.
    pub(super) objects: Vec<Object>,
    /// The number of the schema that it was last seen to be like.
    pub(super) schema_number: i64,
    pub(super) layout: Layout,
    pub(super) connection: OwnConnection,
}

/// An object of a schema: type, name, table, statement.
pub(super) type Object = (String, String, String, Option<String>);

/// It would not be what the host's database is to be.
#[derive(Debug, thiserror::Error)]
enum Unlike {
    #[error("made anew from its statement, `{0}` becomes another one")]
    Otherwise(String),
    #[error("an earlier rewriting of the file was cut short, and has left index `{0}`")]
    Leftover(String),
}

impl Template {
    /// Makes one for the database of `live`.
    pub(super) async fn make(
        connect: &Connect,
        live: &mut SqliteConnection,
        catalogue: &Catalogue,
        factory: &Factory,
    ) -> Result<Self, DatabaseError> {
        let layout = Layout::read(live).await?;
        let schema_number = schema_number(live).await?;
        let objects = objects(live).await?;
        if let Some((_, name, ..)) = objects
            .iter()
            .find(|(_, name, ..)| name.starts_with(KEEPER))
        {
            let error = Unlike::Leftover(name.clone());
            return Err(DatabaseError::new("make a factory image", error));
        }
        let schema = Schema::read(live, "main").await?;
        let order = SchemaOrder::read(live).await?;
        let name = new_name();
        let mut connection = connect.open_untrusted_memory(&name, &layout).await?;
        let made = &mut *connection;
        run(made, "PRAGMA foreign_keys = OFF").await?;
        factory.attach(made).await?;
        run(made, "BEGIN").await?;
        // A trigger would fire for the factory rows, and an index is made faster from all rows.
        schema.only(&["table"]).create(made).await?;
        for table in catalogue.tables() {
            if let Some(fresh) = factory.catalogue().table(&table.name) {
                clear::fill(made, fresh).await?;
            }
        }
        let others = schema.only(&["index", "trigger", "view"]);
        others.create(made).await?;
        if objects.iter().any(|(_, name, ..)| name == "sqlite_stat1") {
            counters::make_findings(made).await?;
        }
        counters::copy(made, factory::SCHEMA).await?;
        // Where the host has none yet, it gets one at the end of its schema.
        let has_record = order.has("table", RECORD_TABLE);
        if has_record {
            record::create_table(made).await?;
        }
        order.restore(made).await?;
        if !has_record {
            record::create_table(made).await?;
        }
        run(made, "COMMIT").await?;
        run(made, "DETACH factory").await?;
        let there = self::objects(made).await?;
        if let Some(name) = difference(&objects, &there) {
            let error = Unlike::Otherwise(name.to_owned());
            return Err(DatabaseError::new("make a factory image", error));
        }
        Ok(Self {
            name,
            objects,
            schema_number,
            layout,
            connection,
        })
    }

    /// Whether it still is like the database of `live`.
    pub(super) async fn is_like(
        &mut self,
        live: &mut SqliteConnection,
    ) -> Result<bool, DatabaseError> {
        let number = schema_number(live).await?;
        let is_like = number == self.schema_number
            || self.layout == Layout::read(live).await? && self.objects == objects(live).await?;
        if is_like {
            self.schema_number = number;
        }
        Ok(is_like)
    }
}

/// Changes with the schema. SQLite itself goes by it.
pub(super) async fn schema_number(connection: &mut SqliteConnection) -> Result<i64, DatabaseError> {
    sqlx::query_scalar("PRAGMA main.schema_version")
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::on("read the schema's number"))
}

/// Every object of a schema but the table of the commit record, in its order.
pub(super) async fn objects(
    connection: &mut SqliteConnection,
) -> Result<Vec<Object>, DatabaseError> {
    sqlx::query_as(AssertSqlSafe(format!(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
         WHERE tbl_name <> '{RECORD_TABLE}' COLLATE NOCASE ORDER BY rowid"
    )))
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::on("read the schema"))
}

/// The name of an object that only one of both has.
pub(super) fn difference<'a>(one: &'a [Object], other: &'a [Object]) -> Option<&'a str> {
    let missing = one.iter().find(|object| !other.contains(object));
    let extra = || other.iter().find(|object| !one.contains(object));
    let (_, name, ..) = missing.or_else(extra)?;
    Some(name)
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), DatabaseError> {
    sqlx::query(sql)
        .execute(connection)
        .await
        .map_err(DatabaseError::on("make a factory image"))?;
    Ok(())
}
