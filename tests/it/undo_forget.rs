//! What fails after the commit is pending, kept in the journal, and tried again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use factory_reset::{Engine, EngineBuilder, Report};
use factory_reset_steps::MediaDir;
use serde_json::json;

use crate::fixture::{Host, everything, only, own, until};
use crate::steps::{Entries, Forgetful};
use crate::stuck::{Immutable, Stick};

async fn engine(host: &Host, cache: &Forgetful, entries: &Arc<Entries>) -> Engine {
    builder(host, cache, entries).await.build().await.unwrap()
}

async fn builder(host: &Host, cache: &Forgetful, entries: &Arc<Entries>) -> EngineBuilder {
    let builder = only(&["tables", "media", "generators"])
        .data_dir(host.data())
        .database(host.sqlite().await)
        .resource(MediaDir::new("media"))
        .step(cache.registration());
    entries.offer(builder)
}

fn works(report: &Report) -> Vec<&str> {
    report
        .pending
        .iter()
        .map(|pending| pending.work.as_str())
        .collect()
}

async fn with_a_failed_cache(host: &Host, cache: &Forgetful) -> Engine {
    cache.fails.store(true, Ordering::SeqCst);
    let engine = engine(host, cache, &Entries::new(1)).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(works(&report), ["cache"]);
    assert!(
        report.pending[0]
            .error
            .contains("the cache does not answer")
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(!host.data().join("media").exists());
    assert!(own(&host.data()).contains(&"journal.committed.json".to_owned()));
    engine
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_pending_and_the_next_start_forgets_it() {
    let (host, cache) = (Host::new().await, Forgetful::default());
    drop(with_a_failed_cache(&host, &cache).await);
    cache.fails.store(false, Ordering::SeqCst);
    let entries = Entries::new(0);
    let _engine = engine(&host, &cache, &entries).await;
    assert_eq!(cache.forgotten.load(Ordering::SeqCst), 1);
    assert_eq!(
        entries.cleared.load(Ordering::SeqCst),
        0,
        "what was forgotten is not left"
    );
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_pending_and_the_next_reset_forgets_it() {
    let (host, cache) = (Host::new().await, Forgetful::default());
    let engine = with_a_failed_cache(&host, &cache).await;
    cache.fails.store(false, Ordering::SeqCst);
    let report = engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(cache.forgotten.load(Ordering::SeqCst), 1);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_forgotten_in_the_background_and_told_in_the_history() {
    let (host, cache) = (Host::new().await, Forgetful::default());
    let engine = with_a_failed_cache(&host, &cache).await;
    assert_eq!(engine.history()[0].pending[0].work, "cache");
    cache.fails.store(false, Ordering::SeqCst);
    until(|| engine.history()[0].pending.is_empty()).await;
    assert_eq!(cache.forgotten.load(Ordering::SeqCst), 1);
    assert_eq!(engine.history().len(), 1);
    until(|| own(&host.data()) == ["lock"]).await;
}

#[tokio::test]
async fn what_could_not_be_purged_is_purged_in_the_background() {
    let (host, entries) = (Host::new().await, Entries::new(3));
    let (engine, stuck) = with_a_failed_purge(&host, &entries).await;
    let erasure = |engine: &Engine| {
        let run = engine.history()[0].id;
        let report = engine.history_entry(run).unwrap().report.unwrap();
        let steps = report["steps"].as_array().unwrap().clone();
        let media = steps.into_iter().find(|step| step["id"] == "media");
        media.unwrap()["erasure"].clone()
    };
    assert_eq!(erasure(&engine), json!(["staged"]));
    // The service is in use again.
    entries.count.store(7, Ordering::SeqCst);
    drop(stuck);
    until(|| own(&host.data()) == ["lock"]).await;
    until(|| engine.history()[0].pending.is_empty()).await;
    assert_eq!(erasure(&engine), json!(["unlinked"]));
    assert_eq!(entries.count.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn what_is_pending_survives_a_start_and_a_reset_that_cannot_finish_it_either() {
    let (host, cache) = (Host::new().await, Forgetful::default());
    drop(with_a_failed_cache(&host, &cache).await);
    let entries = Entries::new(1);
    let second = engine(&host, &cache, &entries).await;
    assert!(own(&host.data()).contains(&"journal.committed.json".to_owned()));
    let report = second.reset(everything()).await.unwrap();
    assert_eq!(works(&report), ["cache"]);
    assert!(
        own(&host.data()).contains(&"journal.committed.json".to_owned()),
        "nothing pending is lost"
    );
    cache.fails.store(false, Ordering::SeqCst);
    drop(second);
    let _third = engine(&host, &cache, &entries).await;
    assert!(cache.forgotten.load(Ordering::SeqCst) > 0);
    assert_eq!(own(&host.data()), ["lock"]);
}

/// A host whose reset could not purge; the file is where the reset has left it.
async fn with_a_failed_purge(host: &Host, entries: &Arc<Entries>) -> (Engine, Immutable) {
    let stick = Stick::new(&host.data(), "cat.jpg");
    let builder = builder(host, &Forgetful::default(), entries).await;
    let engine = builder.step(stick.registration()).build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(works(&report), ["purge"]);
    assert!(
        report.pending[0].error.contains("cat.jpg"),
        "{:?}",
        report.pending
    );
    assert!(!host.data().join("media").exists());
    (engine, stick.take())
}

#[tokio::test]
async fn what_could_not_be_purged_is_purged_later_and_nothing_is_forgotten_twice() {
    let (host, entries) = (Host::new().await, Entries::new(3));
    let (first, stuck) = with_a_failed_purge(&host, &entries).await;
    assert_eq!(entries.cleared.load(Ordering::SeqCst), 1);
    // The service is in use again.
    entries.count.store(7, Ordering::SeqCst);
    drop(first);
    drop(stuck);
    let _second = engine(&host, &Forgetful::default(), &entries).await;
    assert_eq!(entries.count.load(Ordering::SeqCst), 7);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn what_could_not_be_purged_is_not_forgotten_by_another_reset() {
    let (host, entries) = (Host::new().await, Entries::new(3));
    let (engine, stuck) = with_a_failed_purge(&host, &entries).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(
        works(&report),
        ["purge"],
        "it is told again, and stands in nobody's way"
    );
    drop(stuck);
    engine.reset(everything()).await.unwrap();
    assert_eq!(
        own(&host.data()),
        ["lock"],
        "nothing that was staged is left"
    );
}
