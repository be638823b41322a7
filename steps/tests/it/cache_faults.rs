//! A server that cannot clear keys is told of, and keeps a reset from beginning.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use factory_reset::{Engine, Outcome, ResetError, ResetRequest, Selection};
use factory_reset_steps::CacheKeys;

use crate::fixture::{Host, PREFIX, everything, run};

/// A preview says why, a reset is refused, and everything else can be reset.
async fn refuses(host: &Host, engine: &Engine, why: &str) {
    let plan = engine.plan(&Selection::all()).await.unwrap();
    let preview = plan.preview();
    let cache = preview
        .steps
        .iter()
        .find(|step| step.id.as_str() == "cache");
    let item = &cache.unwrap().items[0];
    assert_eq!(item.outcome, Outcome::Failed);
    let message = item.message.as_deref().unwrap();
    assert!(message.starts_with("unavailable: "), "{message}");
    assert!(message.contains(why), "{message}");
    let blocker = plan.blockers()[0].to_string();
    assert!(
        blocker.contains("start Redis, or leave the step `cache` out"),
        "{blocker}"
    );
    for text in [message, &blocker] {
        assert!(!text.contains("secret"), "{text}");
    }
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Blocked(_)), "{error:?}");
    assert!(host.has_report());
    let others = ResetRequest::new(Selection::steps(["files"])).confirmed();
    engine.reset(others).await.unwrap();
    assert!(!host.has_report());
}

#[tokio::test]
async fn a_server_that_is_down() {
    let host = Host::new();
    host.redis.stop();
    let engine = host.engine().await;
    refuses(&host, &engine, "refused").await;
}

#[tokio::test]
async fn a_server_that_never_answers_holds_nothing_up_for_long() {
    let host = Host::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", silent.local_addr().unwrap());
    let engine = host.engine_of(&url, PREFIX).await;
    let start = Instant::now();
    refuses(&host, &engine, "").await;
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_of_without_the_password() {
    let host = Host::new();
    let mut connection = host.connect().await;
    run(&mut connection, "CONFIG SET requirepass right").await;
    let url = host.redis.url().replace("redis://", "redis://:secret@");
    let keys = CacheKeys::open(url.as_str(), PREFIX).unwrap();
    assert!(!format!("{keys:?}").contains("secret"));
    let engine = host.builder(keys).build().await.unwrap();
    refuses(&host, &engine, "127.0.0.1").await;
}

#[tokio::test]
async fn a_user_that_may_not_unlink() {
    let host = Host::new();
    host.set(&["stories:1"]).await;
    let mut connection = host.connect().await;
    let user = "ACL SETUSER reader on >secret ~* +@read +scan +hello +multi +discard";
    run(&mut connection, user).await;
    let url = host
        .redis
        .url()
        .replace("redis://", "redis://reader:secret@");
    let engine = host.engine_of(&url, PREFIX).await;
    refuses(&host, &engine, "unlink").await;
    assert_eq!(host.keys().await, [b"stories:1"]);
}

#[tokio::test]
async fn a_user_that_may_do_no_more_than_is_needed_is_enough() {
    let host = Host::new();
    host.set(&["stories:1", "other:1"]).await;
    let mut connection = host.connect().await;
    let user = "ACL SETUSER cleaner on >secret ~stories:* +hello +scan +unlink +multi +discard";
    run(&mut connection, user).await;
    let url = host
        .redis
        .url()
        .replace("redis://", "redis://cleaner:secret@");
    let engine = host.engine_of(&url, PREFIX).await;
    engine.reset(everything()).await.unwrap();
    assert_eq!(host.keys().await, [b"other:1"]);
}

#[tokio::test]
async fn a_replica_also_one_that_can_be_written_to() {
    for command in [
        "CONFIG SET replica-read-only yes",
        "CONFIG SET replica-read-only no",
    ] {
        let host = Host::new();
        let mut connection = host.connect().await;
        run(&mut connection, command).await;
        run(&mut connection, "REPLICAOF 127.0.0.1 1").await;
        let engine = host.engine().await;
        refuses(&host, &engine, "replica").await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_write() {
    let host = Host::new();
    let mut connection = host.connect().await;
    run(&mut connection, "CONFIG SET min-replicas-to-write 1").await;
    let engine = host.engine().await;
    refuses(&host, &engine, "replicas").await;
}
