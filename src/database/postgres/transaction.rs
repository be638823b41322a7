//! One open transaction on a connection of its own.

mod counting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use counting::{going, hold_to_read};
use sqlx::PgConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use uuid::Uuid;

use super::aside::Aside;
use super::catalogue::{Catalogue, Table};
use super::clear;
use super::connect::close;
use super::error::{failed, is_refusal};
use super::foreign_keys::ForeignKey;
use super::host::Host;
use super::host_path;
use super::kept::Kept;
use super::references::{self, Seeds};
use super::snapshot::Snapshot;
use super::spare::{Learnt, Line, Spare};
use super::start::Start;
use super::ways::Ways;
use super::{
    DatabaseError, KeptRows, Reference, Tally, Transaction, copy, materialized, run, sequences,
};

/// Dropping it closes the connection, and the server rolls back.
pub(super) struct PostgresTransaction {
    connection: PgConnection,
    start: Option<Start>,
    /// Where the connection goes when all is done.
    spare: Spare,
    catalogue: Arc<Catalogue>,
    host: Arc<Host>,
    /// What a snapshot sees from its beginning to its end; nothing once it may see rows of its
    /// own.
    snapshot: Option<Snapshot>,
    /// What an earlier snapshot has seen, unless it is certain that this is not so any more.
    learnt: Option<Learnt>,
    /// The tables that nobody else can use now; nothing for a snapshot, which needs no locks.
    locked: Option<BTreeSet<String>>,
    /// Counts that still hold, with the rows that are kept.
    counts: BTreeMap<String, u64>,
    /// Fingerprints that still hold.
    fingerprints: BTreeMap<Vec<String>, String>,
    kept: Kept,
    seeds: Seeds,
    aside: Aside,
    cleared: BTreeSet<String>,
    /// The tables with other rows than before, of which views are still to be made anew.
    changed: BTreeSet<i64>,
    /// What is to be rewritten after the commit, as SQL identifiers.
    rewrite: BTreeSet<String>,
    /// Whether the host's own SQL has the connection, with the host's search path.
    is_lent: bool,
    /// Whether it ever had: then the session may be set otherwise than the engine relies on.
    was_lent: bool,
    /// Whether something has begun that did not come to its end.
    is_half_done: bool,
    /// Who is told of rows.
    tally: Option<Tally>,
}

impl PostgresTransaction {
    /// Opens a snapshot.
    pub(super) async fn read(
        line: Line,
        host: Arc<Host>,
        spare: Spare,
    ) -> Result<Self, DatabaseError> {
        // Not read-only: the rows to keep are noted in a temporary table.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        Self::begin(line, host, spare, None, begin).await
    }

    /// Opens the transaction of a reset. Which tables it locks depends on what it is asked
    /// for: all that a question is about at once, before it is answered.
    pub(super) async fn write(
        line: Line,
        host: Arc<Host>,
        spare: Spare,
    ) -> Result<Self, DatabaseError> {
        // Whatever waited for a lock must see what was committed meanwhile.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        Self::begin(line, host, spare, Some(BTreeSet::new()), begin).await
    }

    async fn begin(
        line: Line,
        host: Arc<Host>,
        spare: Spare,
        locked: Option<BTreeSet<String>>,
        begin: &str,
    ) -> Result<Self, DatabaseError> {
        let Line {
            mut connection,
            start,
        } = line;
        // Also in a session that has been set otherwise, or is another one behind a pooler.
        let begin = format!("{begin}; {}", host_path::engine());
        let snapshot = Snapshot::after(&mut connection, &begin, "begin a transaction").await?;
        let learnt = spare.learnt(start.as_ref(), &snapshot);
        let catalogue = match &learnt {
            Some(learnt) => learnt.catalogue.clone(),
            None => Arc::new(host.catalogue(&mut connection).await?),
        };
        // A snapshot stays; without one, a table has to be locked before what is known of it
        // is known to hold.
        let (snapshot, holds, learnt) = match (&locked, learnt) {
            (None, learnt) => (Some(snapshot), learnt, None),
            (Some(_), learnt) => (None, None, learnt),
        };
        let (counts, fingerprints) = holds
            .map(|learnt| (learnt.counts, learnt.fingerprints))
            .unwrap_or_default();
        Ok(Self {
            connection,
            start,
            spare,
            catalogue,
            host,
            snapshot,
            learnt,
            locked,
            counts,
            fingerprints,
            kept: Kept::default(),
            seeds: Seeds::default(),
            aside: Aside::default(),
            cleared: BTreeSet::new(),
            changed: BTreeSet::new(),
            rewrite: BTreeSet::new(),
            is_lent: false,
            was_lent: false,
            is_half_done: false,
            tally: None,
        })
    }

    async fn clear_locked(&mut self, names: &[String]) -> Result<(), DatabaseError> {
        let names = names.iter();
        let tables: Vec<&Table> = names
            .filter_map(|name| self.catalogue.table(name))
            .collect();
        if tables.is_empty() {
            return Ok(());
        }
        self.aside.triggers(&mut self.connection, &tables).await?;
        let (catalogue, counts, kept) = (&self.catalogue, &self.counts, &self.kept);
        let going = |table: &str| going(counts, kept, table);
        let connection = &mut self.connection;
        let ways =
            Ways::choose(connection, catalogue, &tables, going, kept, &mut self.aside).await?;
        let keys = clear::in_the_way(
            connection,
            catalogue,
            &self.host.factory,
            &tables,
            &ways,
            going,
            &self.aside,
        )
        .await?;
        self.aside.foreign_keys(connection, keys).await?;
        ways.take_out(connection, kept).await?;
        clear::seed(
            connection,
            &self.catalogue,
            &self.host.factory,
            &self.kept,
            &mut self.seeds,
            &tables,
        )
        .await?;
        self.rewrite.extend(ways.to_rewrite());
        self.changed.extend(tables.iter().map(|table| table.oid));
        self.cleared
            .extend(tables.iter().map(|table| table.name.clone()));
        sequences::reset(
            connection,
            &self.catalogue,
            &tables,
            &self.cleared,
            &self.kept.rows,
            self.host.factory.sequences(),
        )
        .await
    }

    async fn empty_locked(&mut self, names: &[String]) -> Result<(), DatabaseError> {
        let tables: Vec<&Table> = names
            .iter()
            .filter_map(|name| self.catalogue.table(name))
            .collect();
        if tables.is_empty() {
            return Ok(());
        }
        // All that refer to them, for they are filled again in any order.
        let keys = self.catalogue.foreign_keys.iter();
        let keys: Vec<&ForeignKey> = keys
            .filter(|key| {
                names.contains(&key.parent) || key.is_deferred && names.contains(&key.table)
            })
            .collect();
        self.aside.foreign_keys(&mut self.connection, keys).await?;
        self.aside.triggers(&mut self.connection, &tables).await?;
        let (connection, none) = (&mut self.connection, Kept::default());
        let going = |table: &str| going(&self.counts, &none, table);
        let (catalogue, aside) = (&self.catalogue, &mut self.aside);
        let ways = Ways::choose(connection, catalogue, &tables, going, &none, aside).await?;
        ways.take_out(connection, &none).await?;
        self.rewrite.extend(ways.to_rewrite());
        self.changed.extend(tables.iter().map(|table| table.oid));
        Ok(())
    }

    /// Takes the connection back from the host's own SQL.
    async fn take_back(&mut self) -> Result<(), DatabaseError> {
        if self.is_lent {
            run(&mut self.connection, &host_path::engine())
                .await
                .map_err(failed("set the connection up"))?;
            self.is_lent = false;
        }
        Ok(())
    }

    /// Gives the connection to the next transaction.
    async fn give_back(self) {
        let (connection, start) = (self.connection, self.start);
        if self.was_lent {
            close(connection).await;
        } else {
            self.spare.give(Line { connection, start }).await;
        }
    }

    /// Puts back what is set aside, and makes views of what has changed anew.
    async fn settle(&mut self) -> Result<(), DatabaseError> {
        self.aside.put_back(&mut self.connection).await?;
        let changed = std::mem::take(&mut self.changed);
        materialized::refresh(&mut self.connection, changed).await
    }
}

/// How long the server may take to write a COMMIT down, whatever it is of: nothing is left to do
/// by then. A line that is dead but open would hold the tables locked until it is given up.
const COMMIT: Duration = Duration::from_secs(30);

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError> {
        let tables = self.catalogue.tables();
        Ok(tables.map(|table| table.name.clone()).collect())
    }

    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError> {
        let table = table.to_owned();
        self.count_all(std::slice::from_ref(&table)).await?;
        Ok(self.going(&table))
    }

    /// Every version of a row carries the number of the transaction that wrote it, and none
    /// is given twice: an update, or a deletion and an insertion, leaves another set of places
    /// and numbers even where the count is the same. Their hashes are summed, for the order
    /// of a scan says nothing.
    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError> {
        self.lock(tables).await?;
        if !self.fingerprints.contains_key(tables) {
            self.recall(tables);
        }
        if let Some(fingerprint) = self.fingerprints.get(tables) {
            return Ok(fingerprint.clone());
        }
        let row = "pg_catalog.hash_record_extended(ROW(ctid, xmin), 0::pg_catalog.int8)";
        let fingerprint = self.scan(tables, row).await?;
        self.fingerprints
            .insert(tables.to_vec(), fingerprint.clone());
        Ok(fingerprint)
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        self.lock(tables).await?;
        let hold = |tables: &[&Table]| hold_to_read(self.locked.is_none(), tables);
        self.kept
            .add(&mut self.connection, &self.catalogue, rows, tables, hold)
            .await?;
        Ok(self.kept.rows.clone())
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        self.lock(tables).await?;
        let hold = |tables: &[&Table]| hold_to_read(self.locked.is_none(), tables);
        references::find(
            &mut self.connection,
            &self.catalogue,
            &self.host.factory,
            &self.kept,
            &mut self.seeds,
            tables,
            hold,
        )
        .await
    }

    fn tally(&mut self, tally: Option<Tally>) {
        self.tally = tally;
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        self.catalogue.check_trust(tables)?;
        self.is_half_done = true;
        self.take_back().await?;
        self.count_all(tables).await?;
        let rows = tables.iter().map(|table| self.going(table)).collect();
        self.clear_locked(tables).await?;
        self.forget_rows();
        self.is_half_done = false;
        Ok(rows)
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        let columns = self.catalogue.table(table).map(|table| &table.columns);
        let columns = columns.into_iter().flatten();
        let columns = columns.map(|(name, kind)| format!("{name} {kind}"));
        Ok(columns.collect::<Vec<_>>().join(", "))
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        self.lock(&[table.to_owned()]).await?;
        match self.catalogue.table(table) {
            Some(table) => {
                let hold = hold_to_read(self.locked.is_none(), &[table]);
                if !hold.is_empty() {
                    run(&mut self.connection, &hold)
                        .await
                        .map_err(failed(format!("save table `{}`", table.name)))?;
                }
                copy::save(
                    &mut self.connection,
                    &self.catalogue,
                    table,
                    output,
                    self.tally.as_ref(),
                )
                .await
            }
            None => Err(missing("save", table)),
        }
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        self.catalogue.check_trust(tables)?;
        self.is_half_done = true;
        self.take_back().await?;
        self.count_all(tables).await?;
        let rows = self.counted(tables);
        self.empty_locked(tables).await?;
        self.forget_rows();
        self.is_half_done = false;
        Ok(rows)
    }

    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        let catalogue = self.catalogue.clone();
        let Some(target) = catalogue.table(table) else {
            return Err(missing("load", table));
        };
        catalogue.check_trust(&[table.to_owned()])?;
        self.is_half_done = true;
        self.take_back().await?;
        self.forget_rows();
        let rows = copy::load(
            &mut self.connection,
            &catalogue,
            target,
            input,
            self.tally.as_ref(),
        )
        .await?;
        self.is_half_done = false;
        Ok(rows)
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        self.take_back().await?;
        self.settle().await
    }

    async fn commit(mut self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        if self.is_half_done {
            let error = "a table is only half cleared: the step that has begun it must fail";
            return Err(DatabaseError::new("commit", error).rolled_back());
        }
        self.take_back().await.map_err(DatabaseError::rolled_back)?;
        // Before the COMMIT itself nothing is in doubt: the connection goes, and with it all.
        if !self.aside.is_empty() || !self.changed.is_empty() {
            self.settle().await.map_err(DatabaseError::rolled_back)?;
        }
        let rewrite = std::mem::take(&mut self.rewrite).into_iter().collect();
        let record = &self.host.record;
        record
            .commit(&mut self.connection, run, rewrite)
            .await
            .map_err(DatabaseError::rolled_back)?;
        let committing = super::run(&mut self.connection, "COMMIT");
        let Ok(committed) = timeout(COMMIT, committing).await else {
            let silence = "no answer: the database is asked by another connection what stands";
            return Err(DatabaseError::new("commit", silence));
        };
        if let Err(error) = committed {
            let is_refusal = is_refusal(&error);
            let error = failed("commit")(error);
            return Err(if is_refusal {
                error.rolled_back()
            } else {
                error
            });
        }
        self.give_back().await;
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), DatabaseError> {
        run(&mut self.connection, "ROLLBACK")
            .await
            .map_err(failed("roll back"))?;
        if let (Some(start), Some(snapshot)) = (self.start.clone(), self.snapshot.take()) {
            self.spare.learn(Learnt {
                start,
                snapshot,
                catalogue: self.catalogue.clone(),
                counts: std::mem::take(&mut self.counts),
                fingerprints: std::mem::take(&mut self.fingerprints),
            });
        }
        self.give_back().await;
        Ok(())
    }

    async fn postgres(&mut self) -> Result<Option<&mut PgConnection>, DatabaseError> {
        // Whatever is run there may change what was counted.
        self.forget_rows();
        if !self.is_lent {
            run(&mut self.connection, &self.host.path.set_local())
                .await
                .map_err(failed("set the connection up"))?;
        }
        (self.is_lent, self.was_lent) = (true, true);
        Ok(Some(&mut self.connection))
    }
}

fn missing(verb: &str, table: &str) -> DatabaseError {
    let error = "there is no such table: run the host's migrations first";
    DatabaseError::new(format!("{verb} table `{table}`"), error)
}
