//! Triggers, views, indexes and definitions of tables that a fresh install does not have. A reset
//! leaves the schema as it is, so they are still there afterwards, and a trigger runs for the next
//! owner of the service.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::vacuum::KEEPER;
use super::{DatabaseError, definition_text::same};
use crate::claims::Unclaimed;
use crate::database::RECORD_TABLE;
use crate::item::ItemKind;

/// Kind, name, table and statement, as the schema lists them.
type Object = (String, String, String, String);

/// What the schema of a fresh install has.
#[derive(Debug, Clone, Default)]
pub(super) struct FreshSchema(BTreeMap<(String, String), String>);

impl FreshSchema {
    /// Reads it off the schema `schema` of a fresh install.
    pub(super) async fn read(
        connection: &mut SqliteConnection,
        schema: &str,
    ) -> Result<Self, DatabaseError> {
        let objects = objects(connection, schema).await?.into_iter();
        let objects = objects.map(|(kind, name, _, sql)| (key(&kind, &name), sql));
        Ok(Self(objects.collect()))
    }
}

/// What the database has that a fresh install does not: what only it has, and what it has under the
/// same name and with another statement. Tables that a fresh install lacks, and their indexes, are
/// the business of the claims. Without a fresh install to compare with, only what is about the table
/// of the commit record is known to be foreign.
pub(super) async fn unclaimed(
    connection: &mut SqliteConnection,
    fresh: Option<&FreshSchema>,
) -> Result<Vec<Unclaimed>, DatabaseError> {
    let mut unclaimed = Vec::new();
    for (kind, name, table, sql) in objects(connection, "main").await? {
        let item = match kind.as_str() {
            "table" => ItemKind::Table,
            "trigger" => ItemKind::Trigger,
            "view" => ItemKind::View,
            _ => ItemKind::Index,
        };
        if table.eq_ignore_ascii_case(RECORD_TABLE) {
            let reason = match item {
                // What becomes of the table itself is the business of the commit record.
                ItemKind::Table => continue,
                ItemKind::View => "has the name of the engine's own table: drop it",
                _ => "on the engine's own table; a reset removes it",
            };
            unclaimed.push(Unclaimed::new(item, name).because(reason));
            continue;
        }
        let Some(FreshSchema(fresh)) = fresh else {
            continue;
        };
        let about = |about: &str| match item {
            ItemKind::Trigger | ItemKind::Index => format!("on `{table}`, {about}"),
            _ => about.to_owned(),
        };
        let reason = match fresh.get(&key(&kind, &name)) {
            Some(theirs) if same(theirs, &sql) => continue,
            Some(_) => about("differs from the one that a fresh install has"),
            None if item == ItemKind::Table => continue,
            None if item == ItemKind::Index && !fresh.contains_key(&key("table", &table)) => {
                continue;
            }
            None => about("a fresh install has none of this name"),
        };
        unclaimed.push(Unclaimed::new(item, name).because(reason));
    }
    Ok(unclaimed)
}

/// SQLite compares names in any case.
fn key(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_ascii_lowercase())
}

async fn objects(
    connection: &mut SqliteConnection,
    schema: &str,
) -> Result<Vec<Object>, DatabaseError> {
    let mut objects: Vec<Object> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT type, name, tbl_name, sql FROM {schema}.sqlite_schema \
         WHERE sql IS NOT NULL AND (type <> 'table' OR name NOT LIKE 'sqlite\\_%' ESCAPE '\\') \
         ORDER BY type, name"
    )))
    .fetch_all(connection)
    .await
    .map_err(DatabaseError::on("read the schema"))?;
    // A rewriting of the file that was cut short; the next one drops them.
    objects.retain(|(kind, name, ..)| kind != "index" || !name.starts_with(KEEPER));
    Ok(objects)
}
