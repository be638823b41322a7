//! One open transaction on a connection of its own.

mod image_way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::check::{Changes, check};
use super::connect::Connect;
use super::factory::Factory;
use super::handle::Switch;
use super::image::{self, Image};
use super::kept::Kept;
use super::known::Known;
use super::reader::{Opened, Reader};
use super::set_aside::SetAside;
use super::vacuum::Rewriting;
use super::version::Version;
use super::{
    Catalogue, DatabaseError, KeptRows, Reference, Table, Tally, Transaction, Way, clear, close,
    count, definition, load, locked, record, references, save, unclaimed, vacuum,
};
use crate::claims::Unclaimed;

/// What a step with SQL of its own may count on.
const SCHEMA_CODE: [Switch; 2] = [Switch::Triggers, Switch::Views];

/// Begins a transaction with the write lock.
const LOCK: &str = "BEGIN IMMEDIATE";

/// What all transactions of a database share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) factory: Factory,
    pub(super) version: Version,
    pub(super) known: Known,
    pub(super) reader: Reader,
    /// What is to be done after the commit.
    pub(super) rewriting: Mutex<Rewriting>,
}

/// Dropping it closes the connection, and SQLite rolls back.
pub(super) struct SqliteTransaction {
    opened: Opened,
    connect: Connect,
    shared: Arc<Shared>,
    catalogue: Arc<Catalogue>,
    /// What is to take the place of the database: then this connection only reads of it.
    image: Option<Image>,
    /// The way, where that is settled.
    way: Option<Way>,
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
    /// Tells this state of the database from another.
    version: String,
    /// Whether the version is that of what is seen here, and not of something older, or of what
    /// was here before this transaction has written.
    is_exact: bool,
    /// Whether nothing was written, and the connection can be used again.
    is_snapshot: bool,
    /// Whether triggers and views of the schema run, for a step with SQL of its own.
    runs_schema: bool,
}

impl SqliteTransaction {
    /// Opens a snapshot. The way is known already where there is but one.
    pub(super) async fn read(
        connect: &Connect,
        shared: &Arc<Shared>,
        way: Option<Way>,
    ) -> Result<Self, DatabaseError> {
        // First: what is committed in between makes a fingerprint old, never the other way round.
        let version = shared.version.read().await?;
        let opened = shared.reader.take(connect, &shared.factory).await?;
        let mut transaction =
            Self::begin(opened, connect, shared, "BEGIN", "open a snapshot").await?;
        transaction.is_snapshot = true;
        transaction.is_exact = version == shared.version.read().await?;
        transaction.version = version;
        transaction.way = way;
        Ok(transaction)
    }

    /// Takes the write lock, to clear.
    pub(super) async fn write(
        connect: &Connect,
        shared: &Arc<Shared>,
        way: Way,
    ) -> Result<Self, DatabaseError> {
        // Not the kept one: rows that are set aside may be more than fit into memory.
        let opened = Opened::new(connect, &shared.factory).await?;
        let mut transaction =
            Self::begin(opened, connect, shared, LOCK, "take the write lock").await?;
        transaction.way = Some(way);
        transaction.see_exactly().await?;
        Ok(transaction)
    }

    /// Takes the write lock for a factory image.
    pub(super) async fn replace(
        connect: &Connect,
        shared: &Arc<Shared>,
    ) -> Result<Self, DatabaseError> {
        // The next plan makes another one.
        let Some(template) = shared.known.template.lock().await.take() else {
            let way = Way::clearing("no factory image has been made for it");
            return Self::write(connect, shared, way).await;
        };
        let mut opened = shared.reader.take(connect, &shared.factory).await?;
        let image = Image::open(connect, template, &mut opened.connection).await?;
        let mut transaction =
            Self::begin(opened, connect, shared, "BEGIN", "open a snapshot").await?;
        transaction.image = Some(image);
        transaction.see_exactly().await?;
        Ok(transaction)
    }

    async fn begin(
        mut opened: Opened,
        connect: &Connect,
        shared: &Arc<Shared>,
        begin: &'static str,
        action: &'static str,
    ) -> Result<Self, DatabaseError> {
        sqlx::query(begin)
            .execute(&mut *opened.connection)
            .await
            .map_err(locked::failed(action))?;
        let catalogue = shared.known.catalogue(&mut opened.connection).await?;
        Ok(Self {
            opened,
            connect: connect.clone(),
            shared: shared.clone(),
            catalogue,
            image: None,
            way: None,
            changes: Changes::default(),
            kept: Kept::default(),
            emptied: BTreeSet::new(),
            aside: SetAside::default(),
            is_half_done: false,
            tally: None,
            version: String::new(),
            is_exact: false,
            is_snapshot: false,
            runs_schema: false,
        })
    }

    /// Every other writer is locked out by now.
    async fn see_exactly(&mut self) -> Result<(), DatabaseError> {
        self.version = self.shared.version.read().await?;
        self.is_exact = true;
        Ok(())
    }

    /// Runs no code of the schema from now on, after a step has run SQL of its own.
    async fn confine(&mut self) -> Result<(), DatabaseError> {
        if std::mem::take(&mut self.runs_schema) {
            let connection = &mut self.opened.connection;
            connection.allow(&SCHEMA_CODE, false).await?;
        }
        Ok(())
    }

    /// Counts those of `tables` that nobody has counted yet, together.
    async fn count_together(&mut self, tables: &[String]) {
        let known = &self.shared.known;
        let is_new =
            |table: &&Table| known.count(&self.version, &table.name).is_none() && self.is_exact;
        let tables = tables
            .iter()
            .filter_map(|table| self.catalogue.table(table));
        let ordinary = tables.filter(|table| table.virtual_table.is_none());
        let new: Vec<_> = ordinary.filter(is_new).collect();
        // Of what fails, the count of each table tells more.
        let counted = count::count_all(&mut self.opened.connection, &new).await;
        for (table, rows) in new.iter().zip(counted.unwrap_or_default()) {
            known.counted(&self.version, &table.name, rows);
        }
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
        let Some(table) = self.catalogue.table(table) else {
            return Ok(0);
        };
        let known = &self.shared.known;
        let counted = Some(&self.version).filter(|_| self.is_exact);
        let counted = counted.and_then(|version| known.count(version, &table.name));
        let rows = match counted {
            Some(rows) => rows,
            None => {
                let rows = count::count(&mut self.opened.connection, table).await?;
                if self.is_exact {
                    known.counted(&self.version, &table.name, rows);
                }
                rows
            }
        };
        Ok(rows.saturating_sub(self.kept.rows(&table.name)))
    }

    async fn unclaimed_objects(&mut self) -> Result<Vec<Unclaimed>, DatabaseError> {
        let known = &self.shared.known;
        if let Some(unclaimed) = known.unclaimed(&self.version).filter(|_| self.is_exact) {
            return Ok(unclaimed);
        }
        let fresh = self.shared.factory.schema();
        let unclaimed = unclaimed::unclaimed(&mut self.opened.connection, fresh).await?;
        if self.is_exact {
            known.compared(&self.version, unclaimed.clone());
        }
        Ok(unclaimed)
    }

    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError> {
        // Each of them is counted next.
        self.count_together(tables).await;
        Ok(self.version.clone())
    }

    async fn way(&mut self, tables: &[String]) -> Result<Way, DatabaseError> {
        if let Some(way) = &self.way {
            return Ok(way.clone());
        }
        let Some(because) = self.obstacle(tables).await? else {
            return Ok(Way::FactoryImage);
        };
        let way = Way::clearing(because);
        if let Some(image) = self.image.take() {
            image.give_up().await?;
            self.way = Some(way.clone());
        }
        Ok(way)
    }

    fn way_taken(&self) -> Option<Way> {
        match &self.image {
            Some(_) => Some(Way::FactoryImage),
            None => self.way.clone(),
        }
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        // The host's conditions may use its views.
        let connection = &mut self.opened.connection;
        connection.allow(&[Switch::Views], true).await?;
        let kept = self
            .kept
            .add(connection, &self.catalogue, rows, tables)
            .await;
        connection.allow(&[Switch::Views], false).await?;
        kept
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        references::references(
            &mut self.opened.connection,
            &self.catalogue,
            self.shared.factory.catalogue(),
            &self.kept,
            tables,
        )
        .await
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        let table = known(&self.catalogue, table)?;
        definition::definition(&mut self.opened.connection, table).await
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let table = known(&self.catalogue, table)?;
        save::save(
            &mut self.opened.connection,
            table,
            output,
            self.tally.as_ref(),
        )
        .await
    }

    fn tally(&mut self, tally: Option<Tally>) {
        self.tally = tally;
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        if let Some(image) = &self.image {
            if tables.iter().all(|table| image.clears(table)) {
                return self.clear_by_image(tables).await;
            }
            self.clear_instead("a step clears what it has not planned")
                .await?;
        }
        self.confine().await?;
        self.is_exact = false;
        let live = live(&self.catalogue, tables);
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = clear::clear(
            &mut self.opened.connection,
            &live,
            &self.catalogue,
            self.shared.factory.catalogue(),
            &self.kept,
            self.tally.as_ref(),
        )
        .await?;
        self.is_half_done = was_half_done;
        // An emptied table that is cleared is in its factory state, and is not loaded any more.
        self.emptied.retain(|table| !rows.contains_key(table));
        self.changes.cleared.extend(tables.iter().cloned());
        let is_from_elsewhere = self.shared.factory.migrations_table().is_none();
        self.changes.others |= !self.kept.is_empty() || is_from_elsewhere;
        Ok(in_order(&rows, tables))
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        self.clear_instead("tables are loaded from a backup")
            .await?;
        self.confine().await?;
        self.is_exact = false;
        let live = live(&self.catalogue, tables);
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = clear::empty(&mut self.opened.connection, &live, &mut self.aside).await?;
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
        self.confine().await?;
        let table = known(&self.catalogue, table)?;
        if !self.emptied.remove(&table.name) {
            let action = format!("load table `{}`", table.name);
            let error = "it is not empty: empty it first, and load it once";
            return Err(DatabaseError::new(action, error));
        }
        let was_half_done = std::mem::replace(&mut self.is_half_done, true);
        let rows = load::load(
            &mut self.opened.connection,
            table,
            input,
            self.tally.as_ref(),
        )
        .await?;
        self.is_half_done = was_half_done;
        Ok(rows)
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        self.confine().await?;
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
        self.aside.put_back(&mut self.opened.connection).await?;
        self.settle().await?;
        let schema = self.image.as_ref().map_or("main", |_| image::SCHEMA);
        let connection = &mut self.opened.connection;
        check(connection, schema, &self.catalogue, &self.changes).await
    }

    async fn commit(mut self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        let half = if self.is_half_done {
            Some("a table is only half cleared or loaded: the step that has begun it must fail")
        } else if !self.emptied.is_empty() || !self.aside.is_empty() {
            Some("indexes of emptied tables are set aside: check the foreign keys first")
        } else {
            None
        };
        if let Some(error) = half {
            return Err(DatabaseError::new("commit", error).rolled_back());
        }
        self.confine().await.map_err(DatabaseError::rolled_back)?;
        self.settle().await.map_err(DatabaseError::rolled_back)?;
        if let Some(image) = self.image {
            *self.shared.rewriting.lock().await = Rewriting::Needless;
            image.commit(&mut self.opened.connection, run).await?;
            // The commit stands, whatever comes now.
            let kept = match Image::detach(&mut self.opened.connection).await {
                Ok(()) => self.shared.reader.keep(self.opened).await,
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                tracing::warn!(error = error.to_string(), "after the commit");
            }
            return Ok(());
        }
        // Before the COMMIT itself nothing is in doubt: the connection goes, and with it all.
        record::commit(&mut self.opened.connection, "main", run)
            .await
            .map_err(DatabaseError::rolled_back)?;
        let order = vacuum::order(&mut self.opened.connection)
            .await
            .map_err(DatabaseError::rolled_back)?;
        *self.shared.rewriting.lock().await = Rewriting::Due(order);
        if let Err(error) = sqlx::query("COMMIT")
            .execute(&mut *self.opened.connection)
            .await
        {
            let busy = locked::is_busy(&error);
            let error = DatabaseError::on("commit")(error);
            // With a rollback journal a reader keeps COMMIT from beginning: nothing is written,
            // and the transaction is still open.
            if busy
                && sqlx::query("ROLLBACK")
                    .execute(&mut *self.opened.connection)
                    .await
                    .is_ok()
            {
                return Err(error.rolled_back());
            }
            return Err(error);
        }
        // The commit stands, whatever closing says.
        if let Err(error) = close(self.opened.connection).await {
            tracing::warn!(error = error.to_string(), "after the commit");
        }
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), DatabaseError> {
        if let Some(image) = self.image {
            image.give_up().await?;
        }
        sqlx::query("ROLLBACK")
            .execute(&mut *self.opened.connection)
            .await
            .map_err(DatabaseError::on("roll back"))?;
        if self.is_snapshot && self.kept.is_empty() {
            return self.shared.reader.keep(self.opened).await;
        }
        close(self.opened.connection).await
    }

    async fn sqlite(&mut self) -> Result<Option<&mut SqliteConnection>, DatabaseError> {
        self.clear_instead("a step runs SQL of its own").await?;
        // Whatever is run there may change what was counted.
        self.is_exact = false;
        self.is_snapshot = false;
        if !self.runs_schema {
            let connection = &mut self.opened.connection;
            connection.allow(&SCHEMA_CODE, true).await?;
            self.runs_schema = true;
        }
        Ok(Some(&mut self.opened.connection))
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
