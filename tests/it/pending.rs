//! What an earlier reset could not finish is kept through later ones that fail.

use std::fs;
use std::sync::atomic::Ordering;

use factory_reset::{Engine, EngineBuilder, Phase, ResetError, RunOutcome, StepDescriptor};
use factory_reset_steps::MediaDir;
use sqlx::{Connection, SqliteConnection};

use crate::fixture::{Host, SHORT, everything, only, own, until};
use crate::steps::{Forgetful, registration};
use crate::stuck::{Immutable, Stick};

/// What keeps the second reset from its commit.
#[derive(Clone, Copy)]
enum Cause {
    /// Another connection holds the write lock: it fails before its journal is written.
    Lock,
    /// The last step fails: everything has been staged then.
    Step,
}

struct Scene {
    host: Host,
    cache: Forgetful,
    fault: Forgetful,
    stick: Stick,
    lock: SqliteConnection,
}

impl Scene {
    async fn new() -> Self {
        let host = Host::new().await;
        Self {
            lock: host.connect().await,
            stick: Stick::new(&host.data(), "cat.jpg"),
            host,
            cache: Forgetful::default(),
            fault: Forgetful::default(),
        }
    }

    async fn builder(&self) -> EngineBuilder {
        let descriptor = StepDescriptor::new("zz-fault", Phase::Erase);
        only(&["tables", "media"])
            .data_dir(self.host.data())
            .database(self.host.sqlite().await.lock_timeout(SHORT))
            .resource(MediaDir::new("media"))
            .step(registration(descriptor, self.fault.clone()))
            .step(self.stick.registration())
            .step(self.cache.registration())
    }

    async fn start(&self) -> Engine {
        self.builder().await.build().await.unwrap()
    }

    /// A reset that fails before its commit.
    async fn fail(&mut self, engine: &Engine, cause: Cause) {
        let sql = match cause {
            Cause::Lock => "BEGIN IMMEDIATE",
            Cause::Step => "BEGIN",
        };
        sqlx::raw_sql(sql).execute(&mut self.lock).await.unwrap();
        let breaks = matches!(cause, Cause::Step);
        self.fault.fails.store(breaks, Ordering::SeqCst);
        let error = engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
        assert!(engine.gate_handle().enter().is_some());
        let sql = "ROLLBACK";
        sqlx::raw_sql(sql).execute(&mut self.lock).await.unwrap();
        self.fault.fails.store(false, Ordering::SeqCst);
    }
}

/// A first reset whose trash and whose cache stay, and a second one that fails.
async fn pending(cause: Cause) -> (Scene, Engine, Immutable) {
    let mut scene = Scene::new().await;
    scene.cache.fails.store(true, Ordering::SeqCst);
    let engine = scene.start().await;
    let report = engine.reset(everything()).await.unwrap();
    let works: Vec<_> = report.pending.iter().map(|one| one.work.as_str()).collect();
    assert_eq!(works, ["cache", "purge"]);
    let first = report.run.unwrap().to_string();
    let stuck = scene.stick.take();

    scene.host.write("media/dog.jpg", "woof");
    scene
        .host
        .run("INSERT INTO posts (text) VALUES ('new')")
        .await;
    for _ in 0..2 {
        scene.fail(&engine, cause).await;
        assert_eq!(fs::read_to_string(stuck.path()).unwrap(), "meow");
        let mut expected = vec!["journal.committed.json", "lock", &first];
        expected.sort_unstable();
        assert_eq!(own(&scene.host.data()), expected);
        assert!(scene.host.data().join("media/dog.jpg").exists());
        assert_eq!(scene.host.number("SELECT count(*) FROM posts").await, 2);
    }
    assert_eq!(scene.cache.forgotten.load(Ordering::SeqCst), 0);
    (scene, engine, stuck)
}

#[tokio::test]
async fn a_reset_that_failed_is_told_as_failed_also_when_an_earlier_one_is_finished_after_it() {
    let (scene, engine, stuck) = pending(Cause::Step).await;
    let failed = engine.history().remove(0);
    assert_eq!(failed.outcome, RunOutcome::Failed);
    drop(stuck);
    scene.cache.fails.store(false, Ordering::SeqCst);
    until(|| own(&scene.host.data()) == ["lock"]).await;
    until(|| engine.history().iter().all(|run| run.pending.is_empty())).await;
    assert_eq!(engine.history().remove(0), failed);
    let completed = engine.history().pop().unwrap();
    assert_eq!(completed.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn what_is_pending_outlives_resets_that_fail_and_the_next_reset_finishes_it() {
    for cause in [Cause::Lock, Cause::Step] {
        let (scene, engine, stuck) = pending(cause).await;
        drop(stuck);
        scene.cache.fails.store(false, Ordering::SeqCst);
        let report = engine.reset(everything()).await.unwrap();
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        assert_eq!(own(&scene.host.data()), ["lock"]);
        assert!(!scene.host.data().join("media").exists());
        assert_eq!(scene.cache.forgotten.load(Ordering::SeqCst), 1);
        scene.lock.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_pending_outlives_resets_that_fail_and_the_next_start_finishes_it() {
    for cause in [Cause::Lock, Cause::Step] {
        let (scene, engine, stuck) = pending(cause).await;
        drop((engine, stuck));
        scene.cache.fails.store(false, Ordering::SeqCst);
        let _engine = scene.start().await;
        assert_eq!(own(&scene.host.data()), ["lock"]);
        assert!(scene.host.data().join("media/dog.jpg").exists());
        assert_eq!(scene.host.number("SELECT count(*) FROM posts").await, 2);
        assert_eq!(scene.cache.forgotten.load(Ordering::SeqCst), 1);
    }
}
