//! One open transaction on a connection of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::check::{Changes, check};
use super::factory::Factory;
use super::kept::Kept;
use super::set_aside::SetAside;
use super::vacuum::Rewriting;
use super::{
    Catalogue, DatabaseError, KeptRows, Reference, Table, Tally, Transaction, clear, close, count,
    definition, load, locked, record, references, save, vacuum,
};

/// Dropping it closes the connection, and SQLite rolls back.
pub(super) struct SqliteTransaction {
    connection: SqliteConnection,
    catalogue: Catalogue,
    factory: Factory,
    changes: Changes,
    kept: Kept,
    /// The tables that can be loaded.
    emptied: BTreeSet<String>,
    /// What is on emptied tables, for as long as these can be loaded.
    aside: SetAside,
    /// Whether a clearing or loading has begun that did not come to its end.
    is_half_done: bool,
    /// Who is told of rows.
    tally: Option<Tally>,
    /// What is to be done after the commit.
    rewriting: Arc<Mutex<Rewriting>>,
    /// Tells this state of the database from another.
    pub(super) version: String,
}

impl SqliteTransaction {
    /// Opens a snapshot.
    pub(super) async fn read(
        mut connection: SqliteConnection,
        factory: Factory,
        version: String,
    ) -> Result<Self, DatabaseError> {
        factory.attach(&mut connection).await?;
        // The keys of kept rows: a preview writes no file.
        sqlx::query("PRAGMA temp_store = MEMORY")
            .execute(&mut connection)
            .await
            .map_err(DatabaseError::on("hold temporary tables in memory"))?;
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
            .map_err(locked::failed(action))?;
        let catalogue = Catalogue::read(&mut connection, "main").await?;
        Ok(Self {
            connection,
            catalogue,
            factory,
            changes: Changes::default(),
            kept: Kept::default(),
            emptied: BTreeSet::new(),
            aside: SetAside::default(),
            is_half_done: false,
            tally: None,
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
            Some(table) => {
                let rows = count::count(&mut self.connection, table).await?;
                Ok(rows.saturating_sub(self.kept.rows(&table.name)))
            }
            None => Ok(0),
        }
    }

    async fn fingerprint(&mut self, _: &[String]) -> Result<String, DatabaseError> {
        Ok(self.version.clone())
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        self.kept
            .add(&mut self.connection, &self.catalogue, rows, tables)
            .await
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        references::references(
            &mut self.connection,
            &self.catalogue,
            self.factory.catalogue(),
            &self.kept,
            tables,
        )
        .await
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        let table = known(&self.catalogue, table)?;
        definition::definition(&mut self.connection, table).await
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let table = known(&self.catalogue, table)?;
        save::save(&mut self.connection, table, output, self.tally.as_ref()).await
    }

    fn tally(&mut self, tally: Option<Tally>) {
        self.tally = tally;
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let live = live(&self.catalogue, tables);
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = clear::clear(
            &mut self.connection,
            &live,
            &self.catalogue,
            self.factory.catalogue(),
            &self.kept,
            self.tally.as_ref(),
        )
        .await?;
        self.is_half_done = was_half_done;
        self.changes.cleared.extend(tables.iter().cloned());
        let is_from_elsewhere = self.factory.migrations_table().is_none();
        self.changes.others |= !self.kept.is_empty() || is_from_elsewhere;
        Ok(in_order(&rows, tables))
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        let live = live(&self.catalogue, tables);
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = clear::empty(&mut self.connection, &live, &mut self.aside).await?;
        self.is_half_done = was_half_done;
        self.emptied.extend(rows.keys().cloned());
        self.changes.cleared.extend(tables.iter().cloned());
        self.changes.others = true;
        Ok(in_order(&rows, tables))
    }

    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let table = known(&self.catalogue, table)?;
        if !self.emptied.remove(&table.name) {
            let action = format!("load table `{}`", table.name);
            let error = "it is not empty: empty it first, and load it once";
            return Err(DatabaseError::new(action, error));
        }
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = load::load(&mut self.connection, table, input, self.tally.as_ref()).await?;
        self.is_half_done = was_half_done;
        Ok(rows)
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        // Without their content, virtual tables cannot even be read.
        let mut emptied = self
            .emptied
            .iter()
            .filter_map(|table| self.catalogue.table(table));
        if let Some(table) = emptied.find(|table| {
            let shadows = table.virtual_table.as_ref();
            shadows.is_some_and(|shadows| !shadows.is_empty())
        }) {
            let action = format!("leave virtual table `{}` empty", table.name);
            return Err(DatabaseError::new(
                action,
                "load what was saved of it, or clear it",
            ));
        }
        self.emptied.clear();
        self.aside.put_back(&mut self.connection).await?;
        check(&mut self.connection, &self.catalogue, &self.changes).await
    }

    async fn commit(mut self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        let half = if self.is_half_done {
            Some("a table is only half cleared or loaded: the step that has begun it must fail")
        } else if !self.emptied.is_empty() || !self.aside.is_empty() {
            Some(
                "triggers and indexes of emptied tables are set aside: check the foreign keys first",
            )
        } else {
            None
        };
        if let Some(error) = half {
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
            let busy = locked::is_busy(&error);
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

fn known<'a>(catalogue: &'a Catalogue, table: &str) -> Result<&'a Table, DatabaseError> {
    catalogue.table(table).ok_or_else(|| {
        let action = format!("find table `{table}`");
        DatabaseError::new(action, "there is none: run the migrations first")
    })
}

fn live<'a>(catalogue: &'a Catalogue, tables: &[String]) -> Vec<&'a Table> {
    let tables = tables.iter();
    tables.filter_map(|table| catalogue.table(table)).collect()
}

/// The numbers of `rows` in the order of `tables`.
fn in_order(rows: &BTreeMap<String, u64>, tables: &[String]) -> Vec<u64> {
    let tables = tables.iter();
    tables
        .map(|table| rows.get(table).copied().unwrap_or_default())
        .collect()
}
