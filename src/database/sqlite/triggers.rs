//! Setting triggers aside: a trigger would fire on the clearing, might fill another table
//! again, and costs SQLite's truncate optimisation.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::schema_order::SchemaOrder;
use super::{DatabaseError, quote};

/// Triggers that are set aside.
pub(super) struct Triggers {
    /// Each with its name and the statement that creates it.
    taken: Vec<(String, String)>,
    order: SchemaOrder,
}

impl Triggers {
    /// Drops the triggers on `tables`, inside the open transaction.
    pub(super) async fn take(
        connection: &mut SqliteConnection,
        tables: &[&str],
    ) -> Result<Self, DatabaseError> {
        let order = SchemaOrder::read(connection).await?;
        let mut taken: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT tbl_name, name, sql FROM main.sqlite_schema \
             WHERE type = 'trigger' ORDER BY rowid",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(DatabaseError::on("read the triggers"))?;
        taken.retain(|(table, ..)| {
            tables
                .iter()
                .any(|cleared| cleared.eq_ignore_ascii_case(table))
        });
        for (_, name, _) in &taken {
            sqlx::query(AssertSqlSafe(format!("DROP TRIGGER main.{}", quote(name))))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("set trigger `{name}` aside")))?;
        }
        let taken = taken
            .into_iter()
            .map(|(_, name, sql)| (name, sql))
            .collect();
        Ok(Self { taken, order })
    }

    /// Creates the triggers again, each at its old place in the schema.
    pub(super) async fn put_back(
        self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        if self.taken.is_empty() {
            return Ok(());
        }
        for (name, sql) in self.taken {
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut *connection)
                .await
                .map_err(DatabaseError::on(format!("put trigger `{name}` back")))?;
        }
        self.order.restore(connection).await
    }
}
