//! The lock that keeps other processes from resetting the same database.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::ask::ask;
use super::connect::close;
use super::error::failed;
use super::spare::Spare;
use super::{DatabaseError, DatabaseLock};

/// Takes the advisory lock for as long as `connection` lives: the server gives it back when
/// that ends, however it ends. One of a pool would take it along. Meanwhile `spare` keeps the
/// other connection.
pub(super) async fn take(
    mut connection: PgConnection,
    schema: &str,
    spare: &Spare,
) -> Result<Option<DatabaseLock>, DatabaseError> {
    // Such locks are each database's own.
    let take = format!(
        "SELECT pg_catalog.pg_try_advisory_lock('{}'::pg_catalog.int8)",
        key(schema)
    );
    let taken: Vec<(bool,)> = ask(&mut connection, &take)
        .await
        .map_err(failed("take the reset's advisory lock"))?;
    if taken == [(true,)] {
        return Ok(Some(DatabaseLock::new((
            Mutex::new(connection),
            spare.keep(),
        ))));
    }
    close(connection).await;
    Ok(None)
}

/// The same in every process, and hardly another's.
fn key(schema: &str) -> i64 {
    let digest = Sha256::digest(format!("factory-reset\0{schema}"));
    let bytes = digest.iter().take(8);
    bytes.fold(0, |key: i64, byte| key << 8 | i64::from(*byte))
}
