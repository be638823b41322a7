//! A server that fails after the commit is cleared as soon as it can be.

use std::io::{Read, Write};
use std::net::TcpStream;

use factory_reset::{Engine, EngineBuilder, ResetRequest, Selection};
use factory_reset_steps::CacheKeys;

use crate::fixture::{Host, PREFIX, meanwhile, run, until_nothing_is_pending};

/// Sends one command on a connection of its own.
fn tell(port: u16, command: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(format!("{command}\r\n").as_bytes())
        .unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+OK\r\n", "{command}");
}

/// A host whose server refuses everybody from the commit of each reset on; the keys stay.
struct Refusing {
    host: Host,
}

impl Refusing {
    async fn new() -> Self {
        let host = Host::new();
        host.set(&["stories:1:a", "stories:2:a", "other:1"]).await;
        Self { host }
    }

    fn builder(&self) -> EngineBuilder {
        let keys = CacheKeys::open(self.host.redis.url(), PREFIX).unwrap();
        self.host.builder(keys)
    }

    async fn reset(&self, selection: Selection) -> Engine {
        let port = self.host.redis.port();
        let refuse = meanwhile(move || tell(port, "CONFIG SET requirepass right"));
        let engine = self.builder().step(refuse).build().await.unwrap();
        let request = ResetRequest::new(selection).confirmed();
        let report = engine.reset(request).await.unwrap();
        let pending: Vec<_> = report.pending.iter().map(|one| &*one.work).collect();
        assert_eq!(pending, ["cache"]);
        assert!(!self.host.has_report());
        engine
    }

    async fn serve_again(&self) {
        let url = self.host.redis.url().replace("redis://", "redis://:right@");
        let client = factory_reset_steps::redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        // To nothing.
        run(&mut connection, "CONFIG SET requirepass ").await;
    }
}

#[tokio::test]
async fn a_server_that_went_down_after_the_commit_is_cleared_when_it_is_back() {
    let host = Host::new();
    host.set(&["stories:1"]).await;
    let keys = CacheKeys::open(host.redis.url(), PREFIX).unwrap();
    let port = host.redis.port();
    let stop = meanwhile(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"SHUTDOWN NOSAVE\r\n").unwrap();
        // Until it is gone.
        let _ = stream.read(&mut [0; 16]);
    });
    let engine = host.builder(keys).step(stop).build().await.unwrap();
    let request = ResetRequest::new(Selection::all()).confirmed();
    let report = engine.reset(request).await.unwrap();
    assert_eq!(report.pending[0].work, "cache");
    assert!(!host.has_report());
    host.redis.start_again();
    until_nothing_is_pending(&engine).await;
}

#[tokio::test]
async fn a_server_that_refused_after_the_commit_is_cleared_in_the_background() {
    let refusing = Refusing::new().await;
    let engine = refusing.reset(Selection::all()).await;
    refusing.serve_again().await;
    until_nothing_is_pending(&engine).await;
    assert_eq!(refusing.host.keys().await, [b"other:1"]);
}

#[tokio::test]
async fn a_process_that_was_killed_before_is_followed_by_one_that_clears() {
    let refusing = Refusing::new().await;
    drop(refusing.reset(Selection::all()).await);
    // It starts all the same while the server refuses.
    let engine = refusing.builder().build().await.unwrap();
    assert_eq!(engine.history()[0].pending[0].work, "cache");
    drop(engine);
    refusing.serve_again().await;
    let engine = refusing.builder().build().await.unwrap();
    assert!(engine.history()[0].pending.is_empty());
    assert_eq!(refusing.host.keys().await, [b"other:1"]);
}

#[tokio::test]
async fn a_narrowed_prefix_is_as_narrow_when_it_is_cleared_later() {
    let selection = || {
        let steps = Selection::steps(["cache", "files", "meanwhile"]);
        steps.only("cache", ["stories:1:"])
    };
    let left: [&[u8]; 2] = [b"other:1", b"stories:2:a"];
    let refusing = Refusing::new().await;
    let engine = refusing.reset(selection()).await;
    refusing.serve_again().await;
    until_nothing_is_pending(&engine).await;
    assert_eq!(refusing.host.keys().await, left);

    let refusing = Refusing::new().await;
    drop(refusing.reset(selection()).await);
    refusing.serve_again().await;
    let _engine = refusing.builder().build().await.unwrap();
    assert_eq!(refusing.host.keys().await, left);
}

#[tokio::test]
async fn the_next_reset_clears_what_an_earlier_one_has_left() {
    let refusing = Refusing::new().await;
    let engine = refusing.reset(Selection::all()).await;
    refusing.serve_again().await;
    let files = Selection::steps(["files"]);
    let request = ResetRequest::new(files).confirmed();
    let report = engine.reset(request).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(refusing.host.keys().await, [b"other:1"]);
}
