//! The cache is on another server, which may be down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use test_servers::Redis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::install::{Backend, Install, Service, items, on_each_database};
use crate::server::until;

on_each_database![
    a_cache_that_is_down_is_told_before_anything_is_changed,
    a_cache_that_fails_after_the_commit_is_cleared_as_soon_as_it_answers,
    a_cache_that_fails_after_the_commit_is_cleared_by_the_next_start,
    without_a_cache_there_is_nothing_to_clear,
];

async fn demo(backend: Backend, redis: &Redis) -> Service {
    Install::with_redis(backend, redis.url()).serve_demo().await
}

async fn a_cache_that_is_down_is_told_before_anything_is_changed(backend: Backend) {
    let redis = Redis::start();
    let mut service = demo(backend, &redis).await;
    let before = service.state().await.without_rows("redis");
    redis.stop();
    for restarts in [false, true] {
        if restarts {
            service.restart();
        }
        for shown in [
            service.get("options").await,
            service.post("preview", json!({})).await,
        ] {
            assert_eq!(shown.status, 200, "{}", shown.text);
            let shown = shown.json();
            let steps = shown["steps"].as_array().unwrap();
            let cache = steps.iter().find(|step| step["id"] == "cache").unwrap();
            assert_eq!(cache["items"][0]["outcome"], "failed");
            let message = cache["items"][0]["message"].as_str().unwrap();
            assert!(message.starts_with("unavailable: "), "{message}");
            assert_eq!(shown["blockers"].as_array().unwrap().len(), 1);
            assert_eq!(items(&shown, "tables").len(), 10);
        }
        for call in ["complete", "cache"] {
            let answer = service.post(call, json!({ "confirm": true })).await;
            assert_eq!(answer.status, 409, "{}", answer.text);
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(
                error.contains("stories:") && error.contains("unavailable"),
                "{error}"
            );
        }
        service.state().await.assert_is(&before);
        assert!(
            !service
                .install
                .path(".factory-reset/journal.prepared.json")
                .exists()
        );
    }
    // What has nothing to do with it works.
    let body = json!({ "confirm": true, "tables": ["comments"] });
    let done = service.post("database", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = service.post("files", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    redis.start_again();
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["report"]["pending"], json!([]));
}

/// A line to Redis that breaks when the first keys are to be unlinked, which is after the
/// commit, and stays broken until it is mended.
struct Line {
    url: String,
    state: Arc<State>,
}

struct State {
    /// It has not been broken yet, which happens once.
    is_new: AtomicBool,
    is_broken: AtomicBool,
}

impl Line {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let state = Arc::new(State {
            is_new: AtomicBool::new(true),
            is_broken: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A line that ends has done its work.
                    let _ = pass(client, server, &state).await;
                });
            }
        });
        Self { url, state }
    }

    fn mend(&self) {
        assert!(self.state.is_broken.swap(false, Ordering::SeqCst));
    }
}

async fn pass(mut client: TcpStream, server: u16, state: &State) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            length = client.read(&mut from_client) => {
                let sent = &from_client[..length?];
                // A plan tries it with the prefix alone.
                let unlinks = contains(sent, b"UNLINK") && contains(sent, b"stories:page:");
                if unlinks && state.is_new.swap(false, Ordering::SeqCst) {
                    state.is_broken.store(true, Ordering::SeqCst);
                }
                if sent.is_empty() || state.is_broken.load(Ordering::SeqCst) {
                    return Ok(());
                }
                server.write_all(sent).await?;
            }
            length = server.read(&mut from_server) => {
                let length = length?;
                if length == 0 { return Ok(()); }
                client.write_all(&from_server[..length]).await?;
            }
        }
    }
}

fn contains(sent: &[u8], word: &[u8]) -> bool {
    sent.windows(word.len()).any(|part| part == word)
}

/// A service that has reset everything, but for its cache.
async fn reset_without_cache(backend: Backend) -> (Service, Line, Value) {
    let redis = Redis::shared();
    let line = Line::to(redis.port()).await;
    let direct = redis.create_database();
    let mut install = Install::with_redis(backend, direct.clone());
    install.redis = direct.replace(&redis.url(), &line.url);
    let mut service = install.serve_demo().await;
    // What the tests look at is not behind the line.
    service.install.redis = direct;
    service.install.set_key("others:key", "theirs").await;
    let answer = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let done = answer.json();
    assert_eq!(done["success"], true);
    let message = done["message"].as_str().unwrap();
    assert!(
        message.ends_with("what is still pending stands in the report"),
        "{message}"
    );
    let pending = done["report"]["pending"].as_array().unwrap();
    assert!(
        pending.iter().any(|pending| pending["work"] == "cache"),
        "{pending:?}"
    );
    assert_eq!(service.install.count("users").await, 0);
    assert_eq!(service.install.count_keys("stories:").await, 25);
    (service, line, done)
}

async fn a_cache_that_fails_after_the_commit_is_cleared_as_soon_as_it_answers(backend: Backend) {
    let (mut service, line, done) = reset_without_cache(backend).await;
    line.mend();
    until(async || service.install.count_keys("stories:").await == 0).await;
    assert_eq!(service.install.count_keys("others:").await, 1);
    service.set_up().await;
    let run = format!("history/{}", done["report"]["run"].as_str().unwrap());
    until(async || service.get(&run).await.json()["pending"] == json!([])).await;
}

async fn a_cache_that_fails_after_the_commit_is_cleared_by_the_next_start(backend: Backend) {
    let (mut service, _line, _) = reset_without_cache(backend).await;
    service.server.kill();
    service.server = service.install.host().start();
    until(async || service.install.count_keys("stories:").await == 0).await;
    assert_eq!(service.install.count_keys("others:").await, 1);
    assert!(service.server.path("setup_token").exists());
}

async fn without_a_cache_there_is_nothing_to_clear(backend: Backend) {
    let mut install = Install::new(backend);
    install.redis.clear();
    let service = install.serve_demo().await;
    let answer = service.post("cache", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(
        done.json()["message"],
        "374 rows of 10 tables deleted; 49 files deleted"
    );
}
