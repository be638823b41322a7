//! Setting indexes aside: an index is made many times faster from all rows than row by row.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::schema_order::SchemaOrder;
use super::{DatabaseError, Table, definition_statement, quote};

/// Indexes that are set aside.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    /// Each with its name and the statement that creates it.
    taken: Vec<(String, String)>,
    /// The order of the schema before the first was taken.
    order: Option<SchemaOrder>,
}

impl SetAside {
    /// Whether everything is in its place.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Drops the indexes on `tables`, but for those that the tables' own statements make. Inside the
    /// open transaction.
    pub(super) async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        tables: &[&Table],
    ) -> Result<(), DatabaseError> {
        let mut found: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT tbl_name, name, sql FROM main.sqlite_schema \
             WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(DatabaseError::on("read the schema"))?;
        found.retain(|(of, ..)| {
            tables
                .iter()
                .any(|table| table.name.eq_ignore_ascii_case(of))
        });
        if !found.is_empty() && self.order.is_none() {
            self.order = Some(SchemaOrder::read(connection).await?);
        }
        for (_, name, sql) in found {
            let drop = format!("DROP INDEX main.{}", quote(&name));
            sqlx::query(AssertSqlSafe(drop))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("set index `{name}` aside")))?;
            self.taken.push((name, sql));
        }
        Ok(())
    }

    /// Creates everything again, each at its old place in the schema.
    pub(super) async fn put_back(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        for (name, sql) in &self.taken {
            let action = format!("put `{name}` back");
            definition_statement::create(connection, sql, &action).await?;
        }
        if let Some(order) = &self.order {
            order.restore(connection).await?;
        }
        *self = Self::default();
        Ok(())
    }
}
