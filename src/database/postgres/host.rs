//! The host's database, as it was opened.

use sqlx::PgConnection;

use super::DatabaseError;
use super::catalogue::Catalogue;
use super::factory::Factory;
use super::host_path::HostPath;
use super::record::Record;

/// What holds for every transaction on the host's database.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) path: HostPath,
    pub(super) record: Record,
    pub(super) is_trusted: bool,
    pub(super) factory: Factory,
}

impl Host {
    /// Reads the catalogue. A table of the commit records that is not the engine's is an error.
    pub(super) async fn catalogue(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Catalogue, DatabaseError> {
        let (schema, record) = (&*self.path.schema, Some(&self.record));
        let catalogue = Catalogue::read(connection, schema, record).await?;
        Ok(catalogue.trusted(self.is_trusted))
    }
}
