//! What a step is given to save what is its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::bundle::{BundleError, BundleWriter, SavedStep, SavedTable};
use crate::context::resource;
use crate::data_directory::DataDirectory;
use crate::database::Transaction;
use crate::descriptor::StepDescriptor;
use crate::error::StepError;
use crate::relative_path::RelativePath;
use crate::resources::Resources;
use crate::selection::Parts;
use crate::task::blocking;

/// How much of a table is on its way from the database into the bundle, in bytes.
const BUFFER: usize = 256 * 1024;

/// What [`ResetStep::save`](crate::ResetStep::save) is given.
pub struct SaveContext<'a> {
    pub(crate) descriptor: &'a StepDescriptor,
    pub(crate) resources: &'a Resources,
    pub(crate) data_directory: &'a Arc<DataDirectory>,
    /// The snapshot that all steps save from.
    pub(crate) transaction: &'a mut Option<Box<dyn Transaction>>,
    /// Away only while a thread writes with it.
    pub(crate) writer: &'a mut Option<BundleWriter>,
    pub(crate) parts: Parts,
    /// What was at each path when the snapshot was opened.
    pub(crate) fingerprints: &'a BTreeMap<RelativePath, u128>,
    pub(crate) saved: SavedStep,
    /// What has changed since.
    pub(crate) changed: Option<String>,
}

impl SaveContext<'_> {
    /// The host's resource of type `T`.
    ///
    /// # Errors
    ///
    /// When the host offers none.
    pub fn resource<T: Send + Sync + 'static>(&self) -> Result<&T, StepError> {
        resource(self.resources, self.descriptor)
    }

    /// Saves every table and path that this step claims.
    ///
    /// # Errors
    ///
    /// When one cannot be read, a path changes while it is read, or the bundle cannot be
    /// written.
    pub async fn save_claims(&mut self) -> Result<(), StepError> {
        for path in self.parts.paths.clone() {
            self.save_path(&path).await?;
        }
        for table in self.parts.tables.clone() {
            self.save_table(&table).await?;
        }
        Ok(())
    }

    /// Saves something of the step's own, from anywhere, under a name of its own.
    /// [`RestoreContext::entry`](crate::RestoreContext::entry) reads it again.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the bundle cannot be written.
    pub async fn save_entry(
        &mut self,
        name: &str,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<(), StepError> {
        let (id, entry) = (self.saved.id.clone(), name.to_owned());
        self.write(move |writer| writer.add_entry(&id, &entry, &mut SyncIoBridge::new(content)))
            .await?;
        self.saved.entries.push(name.to_owned());
        Ok(())
    }

    async fn save_path(&mut self, path: &RelativePath) -> Result<(), StepError> {
        let id = self.saved.id.clone();
        let (data_directory, here) = (self.data_directory.clone(), path.clone());
        let saved = self
            .write(move |writer| writer.add_path(&data_directory, &id, &here))
            .await;
        let (data_directory, here) = (self.data_directory.clone(), path.clone());
        let now = blocking(move || data_directory.survey(&here)).await?;
        // Also where it could not be read: what vanishes while it is read has changed.
        if self.fingerprints.get(path) != Some(&now.fingerprint) {
            self.changed = Some(path.to_string());
        }
        self.saved.paths.push(saved?);
        Ok(())
    }

    async fn save_table(&mut self, table: &str) -> Result<(), StepError> {
        let transaction = self.transaction.as_mut().ok_or(StepError::NoDatabase)?;
        if !transaction.tables().await?.contains(table) {
            return Ok(());
        }
        let definition = transaction.definition(table).await?;
        let (mut output, input) = tokio::io::duplex(BUFFER);
        let (id, name) = (self.saved.id.clone(), table.to_owned());
        let writing = write(self.writer, move |writer| {
            writer.add_table(&id, &name, &mut SyncIoBridge::new(input))
        });
        let saving = async {
            let rows = transaction.save(table, &mut output).await;
            // The end of the table to whoever reads it.
            drop(output);
            rows
        };
        let (rows, written) = futures::join!(saving, writing);
        // A bundle that cannot be written looks like a closed pipe to the database.
        written?;
        let table = SavedTable::new(&self.saved.id, table, rows?, definition);
        self.saved.tables.push(table);
        Ok(())
    }

    async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut BundleWriter) -> Result<T, BundleError> + Send + 'static,
    ) -> Result<T, StepError> {
        Ok(write(self.writer, work).await?)
    }
}

/// Lets a thread write where it may block. A step that is given up takes the writer with it, and
/// so the whole bundle.
async fn write<T: Send + 'static>(
    place: &mut Option<BundleWriter>,
    work: impl FnOnce(&mut BundleWriter) -> Result<T, BundleError> + Send + 'static,
) -> Result<T, BundleError> {
    let Some(mut writer) = place.take() else {
        return Err(BundleError::Unfinished("an earlier entry".to_owned()));
    };
    let (writer, result) = blocking(move || {
        let result = work(&mut writer);
        (writer, result)
    })
    .await;
    *place = Some(writer);
    result
}
