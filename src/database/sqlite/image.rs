//! A factory image: what takes the place of the database in a reset.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use super::connect::{Connect, Layout};
use super::fitness::MOST_BYTES_OF_PAGES;
use super::replacement::Replacement;
use super::template::{Object, Template, difference, objects};
use super::{DatabaseError, Table, counters, locked, quote, record};

/// The name under which the image is attached.
pub(super) const SCHEMA: &str = "image";

/// A database in memory that is to take the place of the host's, whose write lock is held until
/// then.
#[derive(Debug)]
pub(super) struct Image {
    layout: Layout,
    objects: Vec<Object>,
    replacement: Replacement,
    /// The tables whose rows are a fresh install's; nothing before it is filled.
    cleared: Option<BTreeSet<String>>,
}

/// Why an image cannot be filled.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` has been changed in the schema since the reset began")]
struct Changed(String);

impl Image {
    /// Makes it of `template`, attaches it to `reader`, which has no transaction, and locks every
    /// other writer out of the host's database.
    pub(super) async fn open(
        connect: &Connect,
        template: Template,
        reader: &mut SqliteConnection,
    ) -> Result<Self, DatabaseError> {
        let Template {
            name,
            objects,
            layout,
            connection,
            schema_number: _,
        } = template;
        let attach = AssertSqlSafe(format!("ATTACH 'file:{name}?vfs=memdb' AS {SCHEMA}"));
        let attaching = async {
            let attached = sqlx::query(attach).execute(reader).await;
            attached.map_err(DatabaseError::on("make a factory image"))
        };
        // A connection is slow to open, and somebody waits.
        let (_, live) = tokio::try_join!(attaching, connect.open())?;
        let replacement = Replacement::begin(connection, live)
            .await
            .map_err(locked::failed("take the write lock"))?;
        Ok(Self {
            layout,
            objects,
            replacement,
            cleared: None,
        })
    }

    /// Copies what stays: the rows of the tables `staying`. `reader` fires no triggers. Those of `cleared` are a fresh
    /// install's already.
    pub(super) async fn fill(
        &mut self,
        reader: &mut SqliteConnection,
        cleared: &[String],
        staying: &[&Table],
    ) -> Result<(), DatabaseError> {
        let failed = || DatabaseError::on("copy what stays into the factory image");
        // Not by the schema's number: another file in the place of the database may have the same.
        if let Some(name) = difference(&self.objects, &objects(reader).await?) {
            let error = Changed(name.to_owned());
            return Err(DatabaseError::new("use the factory image", error));
        }
        let pages = pragma(reader, SCHEMA, "page_count").await?;
        let more = i64::try_from(MOST_BYTES_OF_PAGES).unwrap_or(i64::MAX)
            / i64::from(self.layout.page_size);
        let mut statements = vec![format!("PRAGMA {SCHEMA}.max_page_count = {}", pages + more)];
        for number in ["user_version", "application_id"] {
            let value = pragma(reader, "main", number).await?;
            statements.push(format!("PRAGMA {SCHEMA}.{number} = {value}"));
        }
        for storage in staying.iter().flat_map(|table| table.storages()) {
            let (name, columns) = (quote(&storage.name), storage.column_list());
            statements.push(format!("DELETE FROM {SCHEMA}.{name}"));
            statements.push(format!(
                "INSERT INTO {SCHEMA}.{name} ({columns}) SELECT {columns} FROM main.{name}"
            ));
        }
        sqlx::raw_sql(AssertSqlSafe(statements.join(";\n")))
            .execute(&mut *reader)
            .await
            .map_err(failed())?;
        counters::carry(reader, staying, SCHEMA).await?;
        self.cleared = Some(cleared.iter().cloned().collect());
        Ok(())
    }

    /// Whether the rows of `table` are a fresh install's in it.
    pub(super) fn clears(&self, table: &String) -> bool {
        let cleared = self.cleared.as_ref();
        cleared.is_some_and(|cleared| cleared.contains(table))
    }

    /// Whether it is filled, and those of `tables` and no other are.
    pub(super) fn clears_just(&self, tables: &BTreeSet<String>) -> bool {
        self.cleared.as_ref() == Some(tables)
    }

    /// Detaches it from `reader`.
    pub(super) async fn detach(reader: &mut SqliteConnection) -> Result<(), DatabaseError> {
        sqlx::query(AssertSqlSafe(format!("DETACH {SCHEMA}")))
            .execute(reader)
            .await
            .map_err(DatabaseError::on("detach the factory image"))?;
        Ok(())
    }

    /// Puts it in the place of the host's database, with the commit record of `run`. Errors
    /// before the commit itself are marked as rolled back.
    pub(super) async fn commit(
        self,
        reader: &mut SqliteConnection,
        run: Uuid,
    ) -> Result<(), DatabaseError> {
        record::commit(reader, SCHEMA, run)
            .await
            .map_err(DatabaseError::rolled_back)?;
        sqlx::query("COMMIT")
            .execute(&mut *reader)
            .await
            .map_err(DatabaseError::on("complete the factory image"))
            .map_err(DatabaseError::rolled_back)?;
        self.replacement.commit().await.map_err(DatabaseError::on(
            "put the factory image in the place of the database",
        ))?;
        Ok(())
    }

    /// Gives the lock back.
    pub(super) async fn give_up(self) -> Result<(), DatabaseError> {
        self.replacement
            .give_up()
            .await
            .map_err(DatabaseError::on("give the write lock back"))
    }
}

async fn pragma(
    connection: &mut SqliteConnection,
    schema: &str,
    name: &str,
) -> Result<i64, DatabaseError> {
    sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {schema}.{name}")))
        .fetch_one(connection)
        .await
        .map_err(DatabaseError::on(format!("read `{name}` of the database")))
}
