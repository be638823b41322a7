//! Waits for no database longer than it was told to: a connection that is dead, but open,
//! would otherwise hang a reset for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Database, DatabaseError, DatabaseLock, Decision, KeptRows, Reference, Tally, Transaction, Way,
};
use crate::call::message;

/// How long a database may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For what it does at once, but for a lock that somebody else holds.
    pub(crate) answer: Duration,
    /// For what takes the longer the more there is: counting, clearing, committing, giving
    /// pages back.
    pub(crate) work: Duration,
}

/// A database that is waited for with [`Patience`].
pub(crate) struct Bounded {
    pub(crate) database: Box<dyn Database>,
    pub(crate) patience: Patience,
}

struct BoundedTransaction {
    transaction: Box<dyn Transaction>,
    patience: Patience,
}

/// The database did not answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "no answer within {} s: see what keeps the database, or raise `.{option}(…)`",
    .limit.as_secs_f64()
)]
struct NoAnswer {
    limit: Duration,
    option: &'static str,
}

/// The database's driver panicked.
#[derive(Debug, thiserror::Error)]
#[error("its driver panicked: {0}")]
struct Panicked(String);

impl Patience {
    async fn answer<T>(
        self,
        action: &str,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        within(self.answer, "database_timeout", action, work).await
    }

    async fn work<T>(
        self,
        action: &str,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        within(
            self.work,
            "step_timeout(…)` and `.database_timeout",
            action,
            work,
        )
        .await
    }
}

async fn within<T>(
    limit: Duration,
    option: &'static str,
    action: &str,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        // Of the driver. What it was about is undone or found out like after any other error.
        Ok(Err(panic)) => Err(DatabaseError::new(action, Panicked(message(&*panic)))),
        Err(_) => Err(DatabaseError::new(action, NoAnswer { limit, option })),
    }
}

impl Bounded {
    fn bound(&self, transaction: Box<dyn Transaction>) -> Box<dyn Transaction> {
        Box::new(BoundedTransaction {
            transaction,
            patience: self.patience,
        })
    }
}

#[async_trait]
impl Database for Bounded {
    fn identity(&self) -> &str {
        self.database.identity()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.database.files()
    }

    fn migrated_tables(&self) -> &BTreeSet<String> {
        self.database.migrated_tables()
    }

    fn preserved_tables(&self) -> Vec<(String, String)> {
        self.database.preserved_tables()
    }

    fn is_same_table(&self, one: &str, other: &str) -> bool {
        self.database.is_same_table(one, other)
    }

    fn format(&self) -> &'static str {
        self.database.format()
    }

    async fn prepare(&self) -> Result<(), DatabaseError> {
        let work = self.database.prepare();
        let action = "create the table of the commit record";
        self.patience.answer(action, work).await
    }

    async fn lock(&self) -> Result<Option<DatabaseLock>, DatabaseError> {
        let work = self.database.lock();
        self.patience.answer("take the reset's lock", work).await
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let work = self.database.read();
        let transaction = self.patience.answer("open a snapshot", work).await?;
        Ok(self.bound(transaction))
    }

    async fn write(&self, way: &Way) -> Result<Box<dyn Transaction>, DatabaseError> {
        let work = self.database.write(way);
        let transaction = self.patience.answer("take the write lock", work).await?;
        Ok(self.bound(transaction))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        let work = self.database.decide(run);
        self.patience.answer("read the commit record", work).await
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        let work = self.database.reclaim();
        self.patience.work("give freed pages back", work).await
    }
}

#[async_trait]
impl Transaction for BoundedTransaction {
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError> {
        let work = self.transaction.tables();
        self.patience
            .answer("read the database's catalogue", work)
            .await
    }

    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError> {
        let work = self.transaction.count(table);
        self.patience
            .work(&format!("count table `{table}`"), work)
            .await
    }

    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError> {
        let work = self.transaction.fingerprint(tables);
        self.patience.work("take a fingerprint", work).await
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        let work = self.transaction.keep(rows, tables);
        self.patience.work("find the rows to keep", work).await
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        let work = self.transaction.references(tables);
        self.patience.work("look for references", work).await
    }

    async fn way(&mut self, tables: &[String]) -> Result<Way, DatabaseError> {
        let work = self.transaction.way(tables);
        self.patience.work("choose the way", work).await
    }

    fn way_taken(&self) -> Option<Way> {
        self.transaction.way_taken()
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        let work = self.transaction.definition(table);
        self.patience
            .answer("read the database's catalogue", work)
            .await
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let work = self.transaction.save(table, output);
        self.patience
            .work(&format!("save table `{table}`"), work)
            .await
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let work = self.transaction.empty(tables);
        self.patience.work("empty the tables", work).await
    }

    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let work = self.transaction.load(table, input);
        self.patience
            .work(&format!("load table `{table}`"), work)
            .await
    }

    fn tally(&mut self, tally: Option<Tally>) {
        self.transaction.tally(tally);
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let work = self.transaction.clear(tables);
        self.patience.work("clear the tables", work).await
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        let work = self.transaction.check();
        self.patience.work("check foreign keys", work).await
    }

    async fn commit(self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        let work = self.transaction.commit(run);
        self.patience.work("commit", work).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), DatabaseError> {
        let work = self.transaction.rollback();
        self.patience.answer("roll back", work).await
    }

    #[cfg(feature = "sqlite")]
    async fn sqlite(&mut self) -> Result<Option<&mut sqlx::SqliteConnection>, DatabaseError> {
        let work = self.transaction.sqlite();
        self.patience.work("clear the tables", work).await
    }

    #[cfg(feature = "postgres")]
    async fn postgres(&mut self) -> Result<Option<&mut sqlx::PgConnection>, DatabaseError> {
        let work = self.transaction.postgres();
        self.patience.work("clear the tables", work).await
    }
}
