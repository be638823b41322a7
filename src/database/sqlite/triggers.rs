//! Setting triggers aside: a trigger would fire on the clearing, might fill another table
//! again, and costs SQLite's truncate optimisation.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::schema_order::SchemaOrder;
use super::{DatabaseError, Table, quote};

/// Triggers that are set aside.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    /// Each with its name and the statement that creates it.
    taken: Vec<(String, String)>,
    /// The order of the schema before the first was taken.
    order: Option<SchemaOrder>,
}

impl Triggers {
    /// Whether all triggers are in their places.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Drops the triggers on `tables`, inside the open transaction.
    pub(super) async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        tables: &[&Table],
    ) -> Result<(), DatabaseError> {
        let mut found: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT tbl_name, name, sql FROM main.sqlite_schema \
             WHERE type = 'trigger' ORDER BY rowid",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(DatabaseError::on("read the triggers"))?;
        found.retain(|(of, ..)| {
            tables
                .iter()
                .any(|table| table.name.eq_ignore_ascii_case(of))
        });
        if !found.is_empty() && self.order.is_none() {
            self.order = Some(SchemaOrder::read(connection).await?);
        }
        for (_, name, sql) in found {
            sqlx::query(AssertSqlSafe(format!("DROP TRIGGER main.{}", quote(&name))))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("set trigger `{name}` aside")))?;
            self.taken.push((name, sql));
        }
        Ok(())
    }

    /// Creates the triggers again, each at its old place in the schema.
    pub(super) async fn put_back(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        for (name, sql) in &self.taken {
            sqlx::query(AssertSqlSafe(sql.as_str()))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("put trigger `{name}` back")))?;
        }
        if let Some(order) = &self.order {
            order.restore(connection).await?;
        }
        *self = Self::default();
        Ok(())
    }
}
