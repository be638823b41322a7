//! One open transaction on a connection of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::factory::Factory;
use super::vacuum::Rewriting;
use super::{
    Catalogue, DatabaseError, KeptRows, Reference, Table, Transaction, clear, close, foreign_keys,
    quote, record, vacuum,
};

/// Dropping it closes the connection, and SQLite rolls back.
pub(super) struct SqliteTransaction {
    connection: SqliteConnection,
    catalogue: Catalogue,
    factory: Factory,
    cleared: BTreeSet<String>,
    /// Whether a clearing has begun that did not come to its end.
    is_half_cleared: bool,
    /// What is to be done after the commit.
    rewriting: Arc<Mutex<Rewriting>>,
    /// Tells this state of the database from another.
    pub(super) version: String,
}

impl SqliteTransaction {
    /// Opens a snapshot.
    pub(super) async fn read(
        connection: SqliteConnection,
        factory: Factory,
        version: String,
    ) -> Result<Self, DatabaseError> {
        let none = Arc::default();
        let transaction =
            Self::begin(connection, factory, none, "BEGIN", "open a snapshot").await?;
        Ok(Self {
            version,
            ..transaction
        })
    }

    /// Takes the write lock.
    pub(super) async fn write(
        mut connection: SqliteConnection,
        factory: Factory,
        rewriting: Arc<Mutex<Rewriting>>,
    ) -> Result<Self, DatabaseError> {
        factory.attach(&mut connection).await?;
        Self::begin(
            connection,
            factory,
            rewriting,
            "BEGIN IMMEDIATE",
            "take the write lock",
        )
        .await
    }

    async fn begin(
        mut connection: SqliteConnection,
        factory: Factory,
        rewriting: Arc<Mutex<Rewriting>>,
        begin: &'static str,
        action: &'static str,
    ) -> Result<Self, DatabaseError> {
        sqlx::query(begin)
            .execute(&mut connection)
            .await
            .map_err(DatabaseError::on(action))?;
        let catalogue = Catalogue::read(&mut connection, "main").await?;
        Ok(Self {
            connection,
            catalogue,
            factory,
            cleared: BTreeSet::new(),
            is_half_cleared: false,
            rewriting,
            version: String::new(),
        })
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError> {
        Ok(self
            .catalogue
            .tables()
            .map(|table| table.name.clone())
            .collect())
    }

    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError> {
        match self.catalogue.table(table) {
            Some(table) => count(&mut self.connection, table).await,
            None => Ok(0),
        }
    }

    async fn fingerprint(&mut self, _: &[String]) -> Result<String, DatabaseError> {
        Ok(self.version.clone())
    }

    async fn keep(
        &mut self,
        _rows: &[KeptRows],
        _tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        Ok(BTreeMap::new())
    }

    async fn references(&mut self, _tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        Ok(Vec::new())
    }

    async fn definition(&mut self, _table: &str) -> Result<String, DatabaseError> {
        Ok(String::new())
    }

    async fn save(
        &mut self,
        _table: &str,
        _output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        Err(DatabaseError::new("save a table", "not written yet"))
    }

    async fn empty(&mut self, _tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        Err(DatabaseError::new("empty a table", "not written yet"))
    }

    async fn load(
        &mut self,
        _table: &str,
        _input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        Err(DatabaseError::new("load a table", "not written yet"))
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let live: Vec<&Table> = tables
            .iter()
            .filter_map(|table| self.catalogue.table(table))
            .collect();
        self.is_half_cleared = true;
        let rows = clear::clear(&mut self.connection, &live, self.factory.catalogue()).await?;
        self.is_half_cleared = false;
        self.cleared.extend(tables.iter().cloned());
        Ok(tables
            .iter()
            .map(|table| rows.get(table).copied().unwrap_or_default())
            .collect())
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        foreign_keys::check(&mut self.connection, &self.catalogue, &self.cleared).await
    }

    async fn commit(mut self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        if self.is_half_cleared {
            let error = "a table is only half cleared: the step that has begun it must fail";
            return Err(DatabaseError::new("commit", error).rolled_back());
        }
        // Before the COMMIT itself nothing is in doubt: the connection goes, and with it all.
        record::commit(&mut self.connection, run)
            .await
            .map_err(DatabaseError::rolled_back)?;
        let order = vacuum::order(&mut self.connection)
            .await
            .map_err(DatabaseError::rolled_back)?;
        *self.rewriting.lock().await = Rewriting::Due(order);
        if let Err(error) = sqlx::query("COMMIT").execute(&mut self.connection).await {
            let busy = is_busy(&error);
            let error = DatabaseError::on("commit")(error);
            // With a rollback journal a reader keeps COMMIT from beginning: nothing is written,
            // and the transaction is still open.
            if busy
                && sqlx::query("ROLLBACK")
                    .execute(&mut self.connection)
                    .await
                    .is_ok()
            {
                return Err(error.rolled_back());
            }
            return Err(error);
        }
        // The commit stands, whatever closing says.
        if let Err(error) = close(self.connection).await {
            tracing::warn!(%error, "after the commit");
        }
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), DatabaseError> {
        sqlx::query("ROLLBACK")
            .execute(&mut self.connection)
            .await
            .map_err(DatabaseError::on("roll back"))?;
        close(self.connection).await
    }

    fn sqlite(&mut self) -> Option<&mut SqliteConnection> {
        Some(&mut self.connection)
    }
}

/// Whether another connection's lock is the reason: the low byte of SQLite's result code.
fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let error = error.as_database_error();
    let code = error.and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

/// Counts a table's rows. A full-text index over another table, or over none, holds no
/// rows of its own: SQLite would count those of the other table. Nor does a virtual table
/// without shadow tables: it only shows what is kept elsewhere.
pub(super) async fn count(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<u64, DatabaseError> {
    let mut name = table.name.clone();
    if let Some(shadows) = &table.virtual_table {
        let has = |suffix: &str| {
            let shadow = format!("{}{suffix}", table.name);
            shadows.iter().any(|storage| storage.name == shadow)
        };
        if shadows.is_empty() {
            return Ok(0);
        } else if has("_content") {
            name = format!("{name}_content");
        } else if has("_docsize") {
            return Ok(0);
        }
    }
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM main.{}",
        quote(&name)
    )))
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::on(format!("count table `{}`", table.name)))?;
    Ok(rows.unsigned_abs())
}
