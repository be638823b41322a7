//! The way by a factory image: what keeps a reset from going it, and how it leaves it.

use super::super::image::Image;
use super::super::{DatabaseError, Table, Transaction, Way, fitness, locked};
use super::{LOCK, SqliteTransaction};
use crate::error::chain;

impl SqliteTransaction {
    /// What keeps a factory image from being used for the clearing of `tables`. Where this
    /// transaction has one, it is filled.
    pub(super) async fn obstacle(
        &mut self,
        tables: &[String],
    ) -> Result<Option<String>, DatabaseError> {
        if !self.kept.is_empty() {
            let because = "rows of cleared tables are kept";
            return Ok(Some(because.to_owned()));
        }
        let catalogue = self.catalogue.clone();
        let stays = |table: &&Table| {
            let mut tables = tables.iter();
            !tables.any(|name| name.eq_ignore_ascii_case(&table.name))
        };
        let staying: Vec<_> = catalogue.tables().filter(stays).collect();
        if let Some(because) = fitness::obstacle(&mut self.opened.connection, &staying).await? {
            return Ok(Some(because));
        }
        let made = match &mut self.image {
            Some(image) => {
                image
                    .fill(&mut self.opened.connection, tables, &staying)
                    .await
            }
            None => {
                let (known, factory) = (&self.shared.known, &self.shared.factory);
                let live = &mut self.opened.connection;
                known
                    .make_template(&self.connect, live, &catalogue, factory)
                    .await
            }
        };
        Ok(made.err().map(|error| chain(&error)))
    }

    /// Notes that `tables` are cleared: they are, in the image.
    pub(super) async fn clear_by_image(
        &mut self,
        tables: &[String],
    ) -> Result<Vec<u64>, DatabaseError> {
        let mut gone = Vec::with_capacity(tables.len());
        for table in tables {
            gone.push(self.count(table).await?);
        }
        if let Some(tally) = &self.tally {
            tally(gone.iter().sum());
        }
        self.changes.cleared.extend(tables.iter().cloned());
        self.changes.others |= self.shared.factory.migrations_table().is_none();
        Ok(gone)
    }

    /// Makes sure that an image takes the place of what was cleared, and of nothing else.
    pub(super) async fn settle(&mut self) -> Result<(), DatabaseError> {
        let is_whole = |image: &Image| image.clears_just(&self.changes.cleared);
        if self.image.as_ref().is_none_or(is_whole) {
            return Ok(());
        }
        self.clear_instead("a step has left out what it has planned")
            .await
    }

    /// Goes over from a factory image to clearing, with what was cleared so far.
    pub(super) async fn clear_instead(&mut self, because: &str) -> Result<(), DatabaseError> {
        let Some(image) = self.image.take() else {
            return Ok(());
        };
        self.way = Some(Way::clearing(because));
        // Until it is done, this must not be committed.
        self.is_half_done = true;
        image.give_up().await?;
        sqlx::query("ROLLBACK")
            .execute(&mut *self.opened.connection)
            .await
            .map_err(DatabaseError::on("end the snapshot"))?;
        sqlx::query(LOCK)
            .execute(&mut *self.opened.connection)
            .await
            .map_err(locked::failed("take the write lock"))?;
        if self.shared.version.read().await? != self.version {
            return Err(DatabaseError::new(
                "keep the write lock",
                "another process has written in the moment in which it changed hands: try again",
            ));
        }
        self.is_half_done = false;
        let tables: Vec<_> = std::mem::take(&mut self.changes.cleared)
            .into_iter()
            .collect();
        if !tables.is_empty() {
            self.clear(&tables).await?;
        }
        Ok(())
    }
}
