//! How a PostgreSQL database is opened.

use std::sync::Arc;

use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::catalogue::Catalogue;
use super::connect::{Connect, close};
use super::factory::Factory;
use super::host::Host;
use super::record::Record;
use super::spare::Spare;
use super::{DatabaseError, FactoryRows, LOCK_TIMEOUT, Postgres, identity};

/// How a PostgreSQL database is opened; made by [`Postgres::trust_database`].
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    is_trusted: bool,
}

impl PostgresOptions {
    pub(super) fn trusting(is_trusted: bool) -> Self {
        Self { is_trusted }
    }

    /// The same as [`Postgres::open`].
    ///
    /// # Errors
    ///
    /// Like [`Postgres::open`].
    pub async fn open(
        &self,
        pool: &PgPool,
        migrator: &Migrator,
    ) -> Result<Postgres, DatabaseError> {
        let scratch = pool.connect_options().as_ref().clone();
        self.open_with_scratch(pool, migrator, scratch).await
    }

    /// The same as [`Postgres::open_with_scratch`].
    ///
    /// # Errors
    ///
    /// Like [`Postgres::open_with_scratch`].
    pub async fn open_with_scratch(
        &self,
        pool: &PgPool,
        migrator: &Migrator,
        scratch: PgConnectOptions,
    ) -> Result<Postgres, DatabaseError> {
        let connect = connect(pool);
        let (mut connection, path) = connect.open_host().await?;
        let identity = identity(&mut connection, &connect, &path.schema).await?;
        let record = Record::new(&path.schema, self.is_trusted);
        let live = Catalogue::read(&mut connection, &path.schema, Some(&record)).await?;
        let live = live.trusted(self.is_trusted);
        let scratch = Connect::new(scratch, LOCK_TIMEOUT);
        let factory = Factory::migrated(&mut connection, &scratch, migrator, &path).await?;
        // Before the table is created: the right role could not write to one of this role.
        let tables: Vec<String> = factory.tables().iter().cloned().collect();
        live.check_trust(&tables)?;
        record.create_table(&mut connection).await?;
        close(connection).await;
        let host = Host {
            path,
            record,
            is_trusted: self.is_trusted,
            factory,
        };
        Ok(opened(connect, identity, host))
    }

    /// The same as [`Postgres::open_from`].
    ///
    /// # Errors
    ///
    /// Like [`Postgres::open_from`].
    pub async fn open_from(
        &self,
        pool: &PgPool,
        rows: &FactoryRows,
    ) -> Result<Postgres, DatabaseError> {
        let connect = connect(pool);
        let (mut connection, path) = connect.open_host().await?;
        let identity = identity(&mut connection, &connect, &path.schema).await?;
        let record = Record::new(&path.schema, self.is_trusted);
        let live = Catalogue::read(&mut connection, &path.schema, Some(&record)).await?;
        let live = live.trusted(self.is_trusted);
        let which = (identity.as_str(), &path);
        let factory = Factory::from_rows(&mut connection, &connect, rows, &live, which).await?;
        close(connection).await;
        let host = Host {
            path,
            record,
            is_trusted: self.is_trusted,
            factory,
        };
        Ok(opened(connect, identity, host))
    }
}

fn connect(pool: &PgPool) -> Connect {
    let options = pool.connect_options().as_ref().clone();
    Connect::new(options, LOCK_TIMEOUT)
}

fn opened(connect: Connect, identity: String, host: Host) -> Postgres {
    Postgres {
        connect,
        identity,
        host: Arc::new(host),
        spare: Spare::default(),
    }
}
