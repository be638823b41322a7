//! Reads a database that nobody has used.

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::error::failed;
use super::factory::{Factory, compare};
use super::scratch::Model;
use super::{DatabaseError, current_schema, identity, run};

/// What is done, in messages.
const ACTION: &str = "open the pristine database";

/// Opens the database at `address`, and tells which one it is.
pub(super) async fn open(
    connect: &Connect,
    address: &str,
    model: &Model,
) -> Result<(PgConnection, String), DatabaseError> {
    let options: PgConnectOptions = address.parse().map_err(failed(ACTION))?;
    let connect = connect.to(options);
    let opened = connect.open().await;
    let mut connection = opened.map_err(|error| DatabaseError::new(ACTION, error))?;
    model.apply(&mut connection).await?;
    let schema = current_schema(&mut connection)
        .await
        .map_err(|error| DatabaseError::new(ACTION, error))?;
    let identity = identity(&mut connection, &connect, &schema).await?;
    Ok((connection, identity))
}

/// That it is the very database that it is to be pristine for.
pub(super) fn same() -> DatabaseError {
    let error = "it is the service's database itself: name a copy that nobody has used";
    DatabaseError::new(ACTION, error)
}

/// Reads every row, for the tables of `live`.
pub(super) async fn read(
    mut connection: PgConnection,
    live: &Catalogue,
) -> Result<Factory, DatabaseError> {
    // One snapshot, should somebody use it after all.
    run(
        &mut connection,
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    )
    .await
    .map_err(failed(ACTION))?;
    let catalogue = Catalogue::read(&mut connection).await?;
    compare(live, &catalogue)?;
    let factory = Factory::read(&mut connection, &catalogue).await?;
    close(connection).await;
    Ok(factory)
}
