//! Reads a database that nobody has used.

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::error::failed;
use super::factory::{Factory, compare};
use super::host_path::HostPath;
use super::scratch::Model;
use super::{DatabaseError, identity, run};

/// What is done, in messages.
const ACTION: &str = "open the pristine database";

/// An open pristine database.
pub(super) struct Pristine {
    connection: PgConnection,
    path: HostPath,
    pub(super) identity: String,
}

impl Pristine {
    /// Opens the database at `address`, which has its tables where `model` has them.
    pub(super) async fn open(
        connect: &Connect,
        address: &str,
        model: &Model,
    ) -> Result<Self, DatabaseError> {
        let options: PgConnectOptions = address.parse().map_err(failed(ACTION))?;
        let connect = connect.to(options);
        let opened = connect.open_plain().await;
        let mut connection = opened.map_err(|error| DatabaseError::new(ACTION, error))?;
        model.apply(&mut connection).await?;
        let path = HostPath::read(&mut connection)
            .await
            .map_err(|error| DatabaseError::new(ACTION, error))?;
        connect.set_up(&mut connection).await?;
        let identity = identity(&mut connection, &connect, &path.schema).await?;
        Ok(Self {
            connection,
            path,
            identity,
        })
    }

    /// Reads every row, for the tables of `live`.
    pub(super) async fn read(mut self, live: &Catalogue) -> Result<Factory, DatabaseError> {
        // One snapshot, should somebody use it after all.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        run(&mut self.connection, begin)
            .await
            .map_err(failed(ACTION))?;
        let catalogue = Catalogue::read(&mut self.connection, &self.path.schema, None).await?;
        let catalogue = catalogue.trusted(live.is_trusted());
        let names: Vec<String> = catalogue.tables().map(|table| table.name.clone()).collect();
        catalogue.check_trust(&names)?;
        compare(live, &catalogue)?;
        let factory = Factory::read(&mut self.connection, &catalogue).await?;
        close(self.connection).await;
        Ok(factory)
    }
}

/// That it is the very database that it is to be pristine for.
pub(super) fn same() -> DatabaseError {
    let error = "it is the service's database itself: name a copy that nobody has used";
    DatabaseError::new(ACTION, error)
}
