//! A COMMIT whose answer is lost: the database has the last word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use factory_reset::{
    Database, DatabaseError, Decision, Engine, KeptRows, Reference, ResetError, RunOutcome, Sqlite,
    Transaction, Way, async_trait, chain,
};
use factory_reset_steps::MediaDir;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

use crate::dump::{Dump, assert_same, dump};
use crate::fixture::{Host, SHORT, everything, only, own, tree, until};
use crate::steps::Workers;

/// What goes wrong; shared with the test.
#[derive(Clone, Default)]
struct Faults {
    /// COMMIT happens, and its answer is lost.
    lost: Arc<AtomicBool>,
    /// COMMIT does not happen.
    refused: Arc<AtomicBool>,
    /// It never comes to COMMIT: the driver panics.
    panics: Arc<AtomicBool>,
    /// The database takes the write lock, and never says so.
    silent: Arc<AtomicBool>,
    /// The database cannot be asked.
    unreachable: Arc<AtomicBool>,
    /// The next time it is asked, or gives pages back, the driver panics.
    trips: Arc<AtomicBool>,
}

impl Faults {
    fn trip(&self) {
        assert!(
            !self.trips.swap(false, Ordering::SeqCst),
            "the driver tripped once"
        );
    }
}

struct Unreliable {
    sqlite: Sqlite,
    faults: Faults,
}

struct UnreliableTransaction {
    inner: Box<dyn Transaction>,
    faults: Faults,
}

fn broken() -> DatabaseError {
    DatabaseError::new("hear from the database", "the line is dead")
}

#[async_trait]
impl Database for Unreliable {
    fn identity(&self) -> &str {
        self.sqlite.identity()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.sqlite.files()
    }

    fn migrated_tables(&self) -> &BTreeSet<String> {
        self.sqlite.migrated_tables()
    }

    fn preserved_tables(&self) -> Vec<(String, String)> {
        self.sqlite.preserved_tables()
    }

    fn format(&self) -> &'static str {
        self.sqlite.format()
    }

    async fn read(&self) -> Result<Box<dyn Transaction>, DatabaseError> {
        self.sqlite.read().await
    }

    async fn write(&self, way: &Way) -> Result<Box<dyn Transaction>, DatabaseError> {
        let (inner, faults) = (self.sqlite.write(way).await?, self.faults.clone());
        if faults.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(Box::new(UnreliableTransaction { inner, faults }))
    }

    async fn decide(&self, run: Uuid) -> Result<Decision, DatabaseError> {
        if self.faults.unreachable.load(Ordering::SeqCst) {
            return Err(broken());
        }
        self.faults.trip();
        self.sqlite.decide(run).await
    }

    async fn reclaim(&self) -> Result<(), DatabaseError> {
        self.faults.trip();
        self.sqlite.reclaim().await
    }
}

#[async_trait]
impl Transaction for UnreliableTransaction {
    async fn tables(&mut self) -> Result<BTreeSet<String>, DatabaseError> {
        self.inner.tables().await
    }

    async fn count(&mut self, table: &str) -> Result<u64, DatabaseError> {
        self.inner.count(table).await
    }

    async fn fingerprint(&mut self, tables: &[String]) -> Result<String, DatabaseError> {
        self.inner.fingerprint(tables).await
    }

    async fn keep(
        &mut self,
        rows: &[KeptRows],
        tables: &[String],
    ) -> Result<BTreeMap<String, u64>, DatabaseError> {
        self.inner.keep(rows, tables).await
    }

    async fn references(&mut self, tables: &[String]) -> Result<Vec<Reference>, DatabaseError> {
        self.inner.references(tables).await
    }

    async fn way(&mut self, tables: &[String]) -> Result<Way, DatabaseError> {
        self.inner.way(tables).await
    }

    fn way_taken(&self) -> Option<Way> {
        self.inner.way_taken()
    }

    async fn definition(&mut self, table: &str) -> Result<String, DatabaseError> {
        self.inner.definition(table).await
    }

    async fn save(
        &mut self,
        table: &str,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        self.inner.save(table, output).await
    }

    async fn empty(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        self.inner.empty(tables).await
    }

    async fn load(
        &mut self,
        table: &str,
        input: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<u64, DatabaseError> {
        self.inner.load(table, input).await
    }

    async fn clear(&mut self, tables: &[String]) -> Result<Vec<u64>, DatabaseError> {
        self.inner.clear(tables).await
    }

    async fn check(&mut self) -> Result<(), DatabaseError> {
        assert!(
            !self.faults.panics.load(Ordering::SeqCst),
            "the driver tripped"
        );
        self.inner.check().await
    }

    async fn commit(self: Box<Self>, run: Uuid) -> Result<(), DatabaseError> {
        if self.faults.refused.load(Ordering::SeqCst) {
            self.inner.rollback().await?;
            return Err(broken());
        }
        self.inner.commit(run).await?;
        if self.faults.lost.load(Ordering::SeqCst) {
            return Err(broken());
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), DatabaseError> {
        self.inner.rollback().await
    }
}

struct Scene {
    host: Host,
    faults: Faults,
    workers: Arc<Workers>,
    engine: Engine,
    rows: Dump,
}

impl Scene {
    async fn new() -> Self {
        let (host, faults, workers) = (Host::new().await, Faults::default(), Workers::new());
        let sqlite = host.sqlite().await;
        let builder = only(&["tables", "media", "runtimes"])
            .data_dir(host.data())
            .database(Unreliable {
                sqlite,
                faults: faults.clone(),
            })
            .resource(MediaDir::new("media"));
        let engine = workers.offer(builder).build().await.unwrap();
        let rows = dump(&host.pool).await;
        Self {
            host,
            faults,
            workers,
            engine,
            rows,
        }
    }

    async fn assert_old(&self) {
        assert_same(&dump(&self.host.pool).await, &self.rows);
        assert_eq!(tree(&self.host.data()).len(), 2);
        assert_eq!(own(&self.host.data()), ["lock"]);
        assert_eq!(self.workers.names().await, ["a", "b", "c"]);
        assert!(self.engine.gate_handle().enter().is_some());
    }

    async fn assert_new(&self) {
        assert_eq!(self.host.number("SELECT count(*) FROM posts").await, 1);
        assert_eq!(tree(&self.host.data()).len(), 0);
        assert_eq!(own(&self.host.data()), ["lock"]);
        assert!(self.workers.names().await.is_empty());
        assert!(self.engine.gate_handle().enter().is_some());
    }

    /// The next COMMIT answers with an error, whether or not it happens.
    fn fail_commit(&self, committed: bool) {
        let fault = if committed {
            &self.faults.lost
        } else {
            &self.faults.refused
        };
        fault.store(true, Ordering::SeqCst);
    }

    async fn assert_ended(&self, committed: bool) {
        if committed {
            self.assert_new().await;
        } else {
            self.assert_old().await;
        }
    }

    async fn undecided(&self) {
        self.faults.unreachable.store(true, Ordering::SeqCst);
        let error = self.engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Undecided { .. }), "{error:?}");
        assert!(error.database().is_some() && error.report().is_some());
        assert!(
            chain(&error).contains("the line is dead"),
            "{}",
            chain(&error)
        );
        assert!(
            self.engine.gate_handle().enter().is_none(),
            "nobody gets in until it is decided"
        );
        let again = self.engine.reset(everything()).await.unwrap_err();
        assert!(matches!(again, ResetError::Recovery(_)), "{again:?}");
        assert!(self.engine.gate_handle().enter().is_none());
        self.faults.unreachable.store(false, Ordering::SeqCst);
        self.faults.lost.store(false, Ordering::SeqCst);
        self.faults.refused.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_a_commit() {
    let scene = Scene::new().await;
    scene.faults.lost.store(true, Ordering::SeqCst);
    let report = scene.engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    scene.assert_new().await;
}

#[tokio::test]
async fn a_commit_that_did_not_happen_is_undone() {
    let scene = Scene::new().await;
    scene.faults.refused.store(true, Ordering::SeqCst);
    let error = scene.engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
    scene.assert_old().await;
    scene.faults.refused.store(false, Ordering::SeqCst);
    scene.engine.reset(everything()).await.unwrap();
    scene.assert_new().await;
}

#[tokio::test]
async fn what_is_undecided_is_decided_by_the_next_reset() {
    for committed in [true, false] {
        let scene = Scene::new().await;
        scene.fail_commit(committed);
        scene.undecided().await;
        let report = scene.engine.reset(everything()).await.unwrap();
        assert_eq!(
            report.cleared["rows_deleted"],
            if committed { 1 } else { 3 }
        );
        scene.assert_new().await;
    }
}

#[tokio::test]
async fn what_is_undecided_is_decided_as_soon_as_the_database_can_be_asked() {
    for committed in [true, false] {
        let scene = Scene::new().await;
        scene.fail_commit(committed);
        scene.undecided().await;
        scene.engine.recover().await.unwrap();
        assert!(scene.engine.gate_handle().enter().is_some());
        scene.assert_ended(committed).await;
        scene.engine.recover().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_undecided_is_decided_in_the_background_and_told_in_the_history() {
    for committed in [true, false] {
        let scene = Scene::new().await;
        scene.fail_commit(committed);
        scene.undecided().await;
        let engine = &scene.engine;
        until(|| engine.gate_handle().enter().is_some()).await;
        scene.assert_ended(committed).await;
        let run = engine.history().into_iter().next_back().unwrap();
        assert!(run.recovered);
        if committed {
            assert_eq!(run.outcome, RunOutcome::Completed);
            assert_eq!(run.error, None);
        } else {
            assert_eq!(run.outcome, RunOutcome::Failed);
            assert!(run.error.unwrap().contains("the line is dead"));
        }
    }
}

#[tokio::test]
async fn a_panic_while_it_is_decided_is_no_more_than_one_try_that_failed() {
    let scene = Scene::new().await;
    scene.fail_commit(true);
    scene.undecided().await;
    scene.faults.trips.store(true, Ordering::SeqCst);
    until(|| scene.engine.gate_handle().enter().is_some()).await;
    assert!(!scene.faults.trips.load(Ordering::SeqCst));
    scene.assert_new().await;
}

#[tokio::test]
async fn a_panic_after_the_commit_is_pending_and_tried_again() {
    let scene = Scene::new().await;
    scene.faults.trips.store(true, Ordering::SeqCst);
    let report = scene.engine.reset(everything()).await.unwrap();
    assert_eq!(report.pending[0].work, "reclaim");
    assert!(report.pending[0].error.contains("the driver tripped once"));
    until(|| scene.engine.history()[0].pending.is_empty()).await;
    // The journal goes right behind.
    until(|| own(&scene.host.data()) == ["lock"]).await;
    scene.assert_new().await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_given_up_and_named() {
    let scene = Scene::new().await;
    drop(scene.engine);
    let builder = only(&["tables", "media"])
        .data_dir(scene.host.data())
        .database(Unreliable {
            sqlite: scene.host.sqlite().await,
            faults: scene.faults.clone(),
        })
        .resource(MediaDir::new("media"))
        .database_timeout(SHORT);
    let engine = builder.build().await.unwrap();
    scene.faults.silent.store(true, Ordering::SeqCst);
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
    let text = chain(&error);
    for part in [
        "take the write lock",
        "no answer within 2 s",
        "database_timeout",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_same(&dump(&scene.host.pool).await, &scene.rows);
    assert!(engine.gate_handle().enter().is_some());
}

#[tokio::test]
async fn what_is_undecided_and_did_not_happen_leaves_nothing_stopped_in_the_end() {
    let scene = Scene::new().await;
    scene.faults.refused.store(true, Ordering::SeqCst);
    scene.undecided().await;
    // Ends the earlier one, and is then refused itself.
    let error = scene
        .engine
        .reset(everything().digest("old"))
        .await
        .unwrap_err();
    assert!(matches!(error, ResetError::Changed { .. }), "{error:?}");
    scene.assert_old().await;
}

#[tokio::test]
async fn what_is_undecided_is_ended_by_a_reset_that_then_fails_itself() {
    for committed in [true, false] {
        let scene = Scene::new().await;
        scene.fail_commit(committed);
        scene.undecided().await;
        scene.workers.sticks.store(true, Ordering::SeqCst);
        let error = scene.engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
        scene.assert_ended(committed).await;
    }
}

#[tokio::test]
async fn while_a_panic_of_the_driver_is_not_undone_nobody_gets_in() {
    let scene = Scene::new().await;
    scene.faults.panics.store(true, Ordering::SeqCst);
    let engine = scene.engine.clone();
    let reset = tokio::spawn(async move { engine.reset(everything()).await }).await;
    assert!(!matches!(reset, Ok(Ok(_))), "{reset:?}");
    if scene.engine.gate_handle().enter().is_some() {
        scene.assert_old().await;
    }
    scene.faults.panics.store(false, Ordering::SeqCst);
    let refused = scene.engine.reset(everything().digest("old")).await;
    assert!(
        matches!(refused, Err(ResetError::Changed { .. })),
        "{refused:?}"
    );
    scene.assert_old().await;
    scene.engine.reset(everything()).await.unwrap();
    scene.assert_new().await;
}
