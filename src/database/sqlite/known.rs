//! What of the database need not be read a second time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::SqliteConnection;

use super::connect::Connect;
use super::factory::Factory;
use super::template::{Template, schema_number};
use super::{Catalogue, DatabaseError};
use crate::claims::Unclaimed;

/// What earlier transactions have learned, and what tells whether it still holds.
#[derive(Debug, Default)]
pub(super) struct Known {
    catalogue: Mutex<Option<(i64, Arc<Catalogue>)>>,
    counts: Mutex<Counts>,
    /// With the version of the database.
    unclaimed: Mutex<Option<(String, Vec<Unclaimed>)>>,
    pub(super) template: tokio::sync::Mutex<Option<Template>>,
}

#[derive(Debug, Default)]
struct Counts {
    version: String,
    rows: BTreeMap<String, u64>,
}

impl Known {
    /// The catalogue that `connection` sees in its open transaction.
    pub(super) async fn catalogue(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Arc<Catalogue>, DatabaseError> {
        let number = schema_number(connection).await?;
        if let Some((known, catalogue)) = &*lock(&self.catalogue)
            && *known == number
        {
            return Ok(catalogue.clone());
        }
        let catalogue = Arc::new(Catalogue::read(connection, "main").await?);
        *lock(&self.catalogue) = Some((number, catalogue.clone()));
        Ok(catalogue)
    }

    /// How many rows `table` has in this version of the database, if anybody has counted.
    pub(super) fn count(&self, version: &str, table: &str) -> Option<u64> {
        let counts = lock(&self.counts);
        let counts = Some(counts).filter(|counts| counts.version == version)?;
        counts.rows.get(table).copied()
    }

    /// Notes that `table` has so many.
    pub(super) fn counted(&self, version: &str, table: &str, rows: u64) {
        let counts = &mut *lock(&self.counts);
        if counts.version != version {
            version.clone_into(&mut counts.version);
            counts.rows.clear();
        }
        counts.rows.insert(table.to_owned(), rows);
    }

    /// What the database of this version has in its schema and a fresh install does not, if anybody
    /// has compared them. The number of the schema does not tell, because whoever writes to the
    /// schema itself need not change it.
    pub(super) fn unclaimed(&self, version: &str) -> Option<Vec<Unclaimed>> {
        let unclaimed = lock(&self.unclaimed);
        let (_, unclaimed) = unclaimed.as_ref().filter(|(known, _)| known == version)?;
        Some(unclaimed.clone())
    }

    /// Notes what this version has.
    pub(super) fn compared(&self, version: &str, unclaimed: Vec<Unclaimed>) {
        *lock(&self.unclaimed) = Some((version.to_owned(), unclaimed));
    }

    /// Makes sure that there is a template for the database of `live`.
    pub(super) async fn make_template(
        &self,
        connect: &Connect,
        live: &mut SqliteConnection,
        catalogue: &Catalogue,
        factory: &Factory,
    ) -> Result<(), DatabaseError> {
        let template = &mut *self.template.lock().await;
        let is_like = match template {
            Some(template) => template.is_like(live).await?,
            None => false,
        };
        if !is_like {
            *template = Some(Template::make(connect, live, catalogue, factory).await?);
        }
        Ok(())
    }
}

/// Nothing panics while it holds one of these locks; a poisoned one would be as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
