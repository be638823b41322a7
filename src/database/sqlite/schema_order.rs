//! The order of the schema table, which `VACUUM` and the setting aside of triggers change.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::DatabaseError;

/// Type, name, table, root page and statement.
type Object = (String, String, String, Option<i64>, Option<String>);

/// Every object of the schema in its place. A reset gives back the schema byte for byte, and
/// a dump lists it in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchemaOrder(Vec<(i64, String, String)>);

impl SchemaOrder {
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, DatabaseError> {
        sqlx::query_as("SELECT rowid, type, name FROM main.sqlite_schema ORDER BY rowid")
            .fetch_all(connection)
            .await
            .map(Self)
            .map_err(DatabaseError::on("read the schema"))
    }

    /// The same without the objects whose names begin with `prefix`.
    pub(super) fn without(mut self, prefix: &str) -> Self {
        self.0.retain(|(_, _, name)| !name.starts_with(prefix));
        self
    }

    /// Whether this object is in it.
    pub(super) fn has(&self, kind: &str, name: &str) -> bool {
        self.names().contains(&(kind, name))
    }

    /// The same places, with the objects that `fresh` has too in its order: what it was before
    /// a `VACUUM` that nobody has repaired.
    pub(super) fn like(self, fresh: &Self) -> Self {
        let is_fresh = |object: &(i64, String, String)| {
            let mut known = fresh.0.iter();
            known.any(|(_, kind, name)| *kind == object.1 && *name == object.2)
        };
        // What somebody has added to the schema must stay behind the table that it is about.
        let is_about_a_table = |(_, kind, name): &(i64, String, String)| {
            kind != "table" && !name.starts_with("sqlite_autoindex_")
        };
        let mut added = self.0.iter().filter(|object| !is_fresh(object));
        if added.any(is_about_a_table) {
            return self;
        }
        let (same, others): (Vec<_>, Vec<_>) = self.0.into_iter().partition(is_fresh);
        let there: BTreeSet<_> = same.iter().map(|(_, kind, name)| (kind, name)).collect();
        let ordered = fresh.0.iter();
        let ordered = ordered.filter(|(_, kind, name)| there.contains(&(kind, name)));
        let mut objects = others;
        for ((place, ..), (_, kind, name)) in same.iter().zip(ordered) {
            objects.push((*place, kind.clone(), name.clone()));
        }
        objects.sort();
        Self(objects)
    }

    /// Moves every object back to its place. Runs inside the open transaction; to SQLite the
    /// numbers mean no more than the order in which it reads the schema.
    pub(super) async fn restore(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), DatabaseError> {
        let now = Self::read(connection).await?;
        // Where somebody has changed the schema in between, its own order is as good.
        if *self == now || self.names() != now.names() {
            return Ok(());
        }
        let failed = || DatabaseError::on("put the schema back in order");
        // Taken out and put in again in their order, the objects take no more pages than in a
        // fresh install; moved one by one they would leave pages half empty.
        let objects: Vec<Object> =
            sqlx::query_as("SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema")
                .fetch_all(&mut *connection)
                .await
                .map_err(failed())?;
        for statement in [
            "PRAGMA writable_schema = ON",
            "DELETE FROM main.sqlite_schema",
        ] {
            sqlx::query(statement)
                .execute(&mut *connection)
                .await
                .map_err(failed())?;
        }
        for (place, kind, name) in &self.0 {
            let is_it = |object: &&Object| object.0 == *kind && object.1 == *name;
            // There is one of each: the names are the same.
            let Some(object) = objects.iter().find(is_it) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO main.sqlite_schema (rowid, type, name, tbl_name, rootpage, sql) \
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(place)
            .bind(kind)
            .bind(name)
            .bind(&object.2)
            .bind(object.3)
            .bind(&object.4)
            .execute(&mut *connection)
            .await
            .map_err(failed())?;
        }
        // Reads the schema anew: one that cannot be read must not be committed.
        for statement in [
            "PRAGMA writable_schema = RESET",
            "SELECT count(*) FROM main.sqlite_schema",
        ] {
            sqlx::query(statement)
                .execute(&mut *connection)
                .await
                .map_err(failed())?;
        }
        Ok(())
    }

    fn names(&self) -> BTreeSet<(&str, &str)> {
        self.0
            .iter()
            .map(|(_, kind, name)| (kind.as_str(), name.as_str()))
            .collect()
    }
}
