//! What a step is given to put back what it has saved.

use std::sync::Arc;

use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::bundle::{SavedStep, Unpacked};
use crate::claims::Ownership;
use crate::context::resource;
use crate::data_directory::PathError;
use crate::database::Transaction;
use crate::descriptor::StepDescriptor;
use crate::error::StepError;
use crate::item::{Item, ItemKind};
use crate::plan::StepOutcome;
use crate::relative_path::RelativePath;
use crate::resources::Resources;
use crate::staging::Staging;
use crate::task::blocking;

/// How much of a table is on its way from the bundle into the database, in bytes.
const BUFFER: usize = 256 * 1024;

/// What [`ResetStep::restore`](crate::ResetStep::restore) is given.
pub struct RestoreContext<'a> {
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
    pub(crate) transaction: Option<&'a mut (dyn Transaction + 'static)>,
    pub(crate) staging: &'a Arc<Staging>,
    pub(crate) unpacked: &'a Arc<Unpacked>,
    pub(crate) saved: &'a SavedStep,
    pub(crate) ownership: &'a Ownership,
}

impl RestoreContext<'_> {
    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }

    /// The open transaction, one for all steps.
    ///
    /// # Errors
    ///
    /// On a host without a database.
    pub fn transaction(&mut self) -> Result<&mut (dyn Transaction + 'static), StepError> {
        self.transaction.as_deref_mut().ok_or(StepError::NoDatabase)
    }

    /// Puts back every table and path that the step has saved with
    /// [`SaveContext::save_claims`](crate::SaveContext::save_claims). The tables are empty by
    /// now; what is at the paths is moved away, and comes back if the restoration is given up.
    /// Ephemeral state that an older backup holds is skipped.
    ///
    /// # Errors
    ///
    /// When the database or the operating system refuses.
    pub async fn restore_claims(&mut self) -> Result<StepOutcome, StepError> {
        let mut items = Vec::new();
        let saved = self.saved;
        let ownership = self.ownership;
        let is_kept = |kind, name: &str| !ownership.is_ephemeral(kind, name);
        let tables = saved.tables.iter();
        for table in tables.filter(|table| is_kept(ItemKind::Table, &table.name)) {
            let rows = self.load(&table.name).await?;
            if rows != table.rows {
                let name = table.name.clone();
                return Err(StepError::RowsMissing {
                    table: name,
                    expected: table.rows,
                    found: rows,
                });
            }
            items.push(Item::restored(ItemKind::Table, &table.name, rows));
        }
        let paths = saved.paths.iter();
        for path in paths.filter(|path| is_kept(ItemKind::Path, &path.name)) {
            let name = RelativePath::new(&path.name).map_err(StepError::other)?;
            self.put(name, path.there).await?;
            items.push(if path.there {
                Item::restored(ItemKind::Path, &path.name, path.files).bytes(path.bytes)
            } else {
                Item::absent(ItemKind::Path, &path.name)
            });
        }
        Ok(StepOutcome::new(items))
    }

    /// What the step has saved under `name` with
    /// [`SaveContext::save_entry`](crate::SaveContext::save_entry); nothing when it has not.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub async fn entry(
        &mut self,
        name: &str,
    ) -> Result<Option<Box<dyn AsyncRead + Send + Unpin>>, StepError> {
        if !self.saved.entries.iter().any(|entry| entry == name) {
            return Ok(None);
        }
        let (unpacked, id) = (self.unpacked.clone(), self.saved.id.clone());
        let name = name.to_owned();
        let parts = blocking(move || unpacked.entry(&id, &name)).await?;
        let (input, _) = stream(parts);
        Ok(Some(Box::new(input)))
    }

    async fn load(&mut self, table: &str) -> Result<u64, StepError> {
        let (unpacked, id, name) = (
            self.unpacked.clone(),
            self.saved.id.clone(),
            table.to_owned(),
        );
        let parts = blocking(move || unpacked.table(&id, &name)).await?;
        let (mut input, reading) = stream(parts);
        let rows = self.transaction()?.load(table, &mut input).await;
        drop(input);
        // What the disk says is more than the end of the stream that the database sees.
        let read = reading.await;
        let rows = rows?;
        read.map_err(StepError::other)?;
        Ok(rows)
    }

    async fn put(&mut self, path: RelativePath, is_there: bool) -> Result<(), StepError> {
        let (staging, unpacked) = (self.staging.clone(), self.unpacked.clone());
        let id = self.saved.id.clone();
        let put = move || -> Result<(), PathError> {
            if is_there {
                let from = unpacked.path(&id, &path)?;
                staging.replace(&path, from.parent, &from.name)
            } else {
                staging.take_away(&path)
            }
        };
        Ok(blocking(put).await?)
    }
}

/// A file as a stream, read by a thread that may block; and what became of the reading.
fn stream(
    mut content: impl std::io::Read + Send + 'static,
) -> (
    tokio::io::DuplexStream,
    impl Future<Output = std::io::Result<()>>,
) {
    let (output, input) = tokio::io::duplex(BUFFER);
    let reading = tokio::task::spawn_blocking(move || {
        let mut output = SyncIoBridge::new(output);
        match std::io::copy(&mut content, &mut output) {
            // Whoever reads has enough of it, and says why himself.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            copied => copied.map(drop),
        }
    });
    let result = async { reading.await.unwrap_or_else(|error| Err(error.into())) };
    (input, result)
}
