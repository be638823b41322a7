//! Reads a database that nobody has used.

use sqlx::postgres::PgConnectOptions;

use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::error::failed;
use super::factory::{Factory, compare};
use super::scratch::Model;
use super::{DatabaseError, run};

/// Reads every row of the database at `address`, for the tables of `live`.
pub(super) async fn read(
    connect: &Connect,
    address: &str,
    model: &Model,
    live: &Catalogue,
) -> Result<Factory, DatabaseError> {
    let action = "open the pristine database";
    let options: PgConnectOptions = address.parse().map_err(failed(action))?;
    let mut connection = connect
        .to(options)
        .open()
        .await
        .map_err(|error| DatabaseError::new(action, error))?;
    model.apply(&mut connection).await?;
    // One snapshot, should somebody use it after all.
    run(
        &mut connection,
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    )
    .await
    .map_err(failed(action))?;
    let catalogue = Catalogue::read(&mut connection).await?;
    compare(live, &catalogue)?;
    let factory = Factory::read(&mut connection, &catalogue).await?;
    close(connection).await;
    Ok(factory)
}
