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
use crate::claims::Unclaimed;

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

/// A transaction that is dropped, and its connection with it, when a call takes too long or is not
/// waited for: only that ends a statement which still runs, and gives its locks back.
struct BoundedTransaction {
    /// Nothing once it is dropped.
    transaction: Option<Box<dyn Transaction>>,
    patience: Patience,
}

/// A transaction for one call.
struct Lent<'a> {
    place: &'a mut Option<Box<dyn Transaction>>,
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

/// An earlier call to the same transaction has taken too long.
#[derive(Debug, thiserror::Error)]
#[error("its transaction has ended, because an earlier call took too long: try again")]
struct Ended;

/// The database's driver panicked.
#[derive(Debug, thiserror::Error)]
#[error("its driver panicked: {0}")]
struct Panicked(String);

impl Patience {
    /// The outer error says that the work was given up.
    async fn answer<T>(
        self,
        action: &str,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<Result<T, DatabaseError>, DatabaseError> {
        within(self.answer, "database_timeout", action, work).await
    }

    /// As with [`answer`](Self::answer).
    async fn work<T>(
        self,
        action: &str,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<Result<T, DatabaseError>, DatabaseError> {
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
) -> Result<Result<T, DatabaseError>, DatabaseError> {
    match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => Ok(result),
        // Of the driver. What it was about is undone or found out like after any other error.
        Ok(Err(panic)) => Err(DatabaseError::new(action, Panicked(message(&*panic)))),
        Err(_) => Err(DatabaseError::new(action, NoAnswer { limit, option })),
    }
}

impl Bounded {
    fn bound(&self, transaction: Box<dyn Transaction>) -> Box<dyn Transaction> {
        Box::new(BoundedTransaction {
            transaction: Some(transaction),
            patience: self.patience,
        })
    }
}

impl BoundedTransaction {
    /// Takes it for one call, which gives it back at its end.
    fn lend(&mut self) -> Result<Lent<'_>, DatabaseError> {
        let transaction = self.transaction.take();
        let transaction = transaction.ok_or_else(|| DatabaseError::new("go on", Ended))?;
        Ok(Lent {
            place: &mut self.transaction,
            transaction,
            patience: self.patience,
        })
    }
}

impl Lent<'_> {
    fn give_back(self) {
        *self.place = Some(self.transaction);
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
        self.patience.answer(action, work).await?
    }

    async fn lock(&self) -> Result<Option<DatabaseLock>, DatabaseError> {
        let work = self.database.lock();
        self.patience.answer("take the reset's lock", work).await?
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        let work = self.database.read();
        let transaction = self.patience.answer("open a snapshot", work).await??;
        Ok(self.bound(transaction))
    }

    async fn write(&self, way: &Way) -> Result<Box<dyn Transaction>, DatabaseError> {
        let work = self.database.write(way);
        let transaction = self.patience.answer("take the write lock", work).await??;
        Ok(self.bound(transaction))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        let work = self.database.decide(run);
        self.patience.answer("read the commit record", work).await?
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        let work = self.database.reclaim();
        self.patience.work("give freed pages back", work).await?
    }
}

#[async_trait]
impl Transaction for BoundedTransaction {
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.tables();
        let result = lent
            .patience
            .answer("read the database's catalogue", work)
            .await?;
        lent.give_back();
        result
    }

    async fn unclaimed_objects(&mut self) -> Result<Vec<Unclaimed>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.unclaimed_objects();
        let result = lent.patience.work("compare the schemas", work).await?;
        lent.give_back();
        result
    }

    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.count(table);
        let result = lent
            .patience
            .work(&format!("count table `{table}`"), work)
            .await?;
        lent.give_back();
        result
    }

    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.fingerprint(tables);
        let result = lent.patience.work("take a fingerprint", work).await?;
        lent.give_back();
        result
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.keep(rows, tables);
        let result = lent.patience.work("find the rows to keep", work).await?;
        lent.give_back();
        result
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.references(tables);
        let result = lent.patience.work("look for references", work).await?;
        lent.give_back();
        result
    }

    async fn way(&mut self, tables: &[String]) -> Result<Way, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.way(tables);
        let result = lent.patience.work("choose the way", work).await?;
        lent.give_back();
        result
    }

    fn way_taken(&self) -> Option<Way> {
        let transaction = self.transaction.as_ref()?;
        transaction.way_taken()
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.definition(table);
        let result = lent
            .patience
            .answer("read the database's catalogue", work)
            .await?;
        lent.give_back();
        result
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.save(table, output);
        let result = lent
            .patience
            .work(&format!("save table `{table}`"), work)
            .await?;
        lent.give_back();
        result
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.empty(tables);
        let result = lent.patience.work("empty the tables", work).await?;
        lent.give_back();
        result
    }

    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.load(table, input);
        let result = lent
            .patience
            .work(&format!("load table `{table}`"), work)
            .await?;
        lent.give_back();
        result
    }

    fn tally(&mut self, tally: Option<Tally>) {
        if let Some(transaction) = &mut self.transaction {
            transaction.tally(tally);
        }
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.clear(tables);
        let result = lent.patience.work("clear the tables", work).await?;
        lent.give_back();
        result
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        let mut lent = self.lend()?;
        let work = lent.transaction.check();
        let result = lent.patience.work("check foreign keys", work).await?;
        lent.give_back();
        result
    }

    async fn commit(mut self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        let lent = self.lend().map_err(DatabaseError::rolled_back)?;
        let work = lent.transaction.commit(run);
        lent.patience.work("commit", work).await?
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), DatabaseError> {
        let Some(transaction) = self.transaction.take() else {
            // Closing the connection rolls back.
            return Ok(());
        };
        let work = transaction.rollback();
        self.patience.answer("roll back", work).await?
    }

    #[cfg(feature = "sqlite")]
    async fn sqlite(&mut self) -> Result<Option<&mut sqlx::SqliteConnection>, DatabaseError> {
        let mut lent = self.lend()?;
        let work = async { lent.transaction.sqlite().await.map(drop) };
        let result = lent.patience.work("clear the tables", work).await?;
        lent.give_back();
        result?;
        // What it has to wait for is done.
        match &mut self.transaction {
            Some(transaction) => transaction.sqlite().await,
            None => Ok(None),
        }
    }

    #[cfg(feature = "postgres")]
    async fn postgres(&mut self) -> Result<Option<&mut sqlx::PgConnection>, DatabaseError> {
        match &mut self.transaction {
            Some(transaction) => {
                let work = transaction.postgres();
                self.patience.work("clear the tables", work).await?
            }
            None => Err(DatabaseError::new("go on", Ended)),
        }
    }
}
