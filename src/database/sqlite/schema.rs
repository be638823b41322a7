//! The statements that make a schema, to make the same one elsewhere.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::pragma::{self, Kind};
use super::{DatabaseError, definition_statement};
use crate::database::RECORD_TABLE;

/// Kind, name and statement.
type Object = (String, String, String);

/// Every object of a schema, in its order.
#[derive(Debug)]
pub(super) struct Schema(Vec<Object>);

impl Schema {
    /// Reads the schema `schema`; what SQLite makes by itself is not listed.
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        schema: &str,
    ) -> Result<Self, DatabaseError> {
        let listed = pragma::tables(connection, schema).await?;
        let mut objects: Vec<Object> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT type, name, sql FROM {schema}.sqlite_schema \
             WHERE sql IS NOT NULL AND tbl_name <> '{RECORD_TABLE}' COLLATE NOCASE \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY rowid"
        )))
        .fetch_all(connection)
        .await
        .map_err(DatabaseError::on("read the schema"))?;
        let is_shadow = |name: &str| {
            let mut listed = listed.iter();
            listed.any(|table| table.kind == Kind::Shadow && table.name == name)
        };
        // The virtual table makes them itself.
        objects.retain(|(kind, name, _)| kind != "table" || !is_shadow(name));
        Ok(Self(objects))
    }

    /// Its objects of these kinds: `table`, `index`, `trigger` or `view`.
    pub(super) fn only(&self, kinds: &[&str]) -> Self {
        let objects = self.0.iter();
        let objects = objects.filter(|(kind, ..)| kinds.contains(&kind.as_str()));
        Self(objects.cloned().collect())
    }

    /// Makes it on `connection`.
    pub(super) async fn create(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        for (kind, name, sql) in &self.0 {
            let action = format!("make {kind} `{name}` on a scratch database");
            definition_statement::create(connection, sql, &action).await?;
        }
        Ok(())
    }
}
