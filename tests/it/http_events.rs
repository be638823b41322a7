//! The progress of a reset, as it is heard over HTTP.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode, header};
use factory_reset::Engine;
use futures::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::fixture::{Host, everything};
use crate::http_client::{app, request, with};
use crate::steps::Turnstile;

/// A stream of messages.
struct Listener {
    body: BodyDataStream,
    text: String,
}

impl Listener {
    async fn new(engine: &Engine, request: Request<Body>) -> Self {
        let response = app(engine).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers["x-accel-buffering"], "no");
        let mut listener = Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        };
        assert_eq!(listener.block().await.unwrap(), "retry: 1000");
        listener
    }

    /// The next message: its id, its kind, its data.
    async fn message(&mut self) -> Option<(String, String, Value)> {
        let block = self.block().await?;
        let field = |name: &str| {
            let mut lines = block.lines();
            let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap().to_owned()
        };
        let data = serde_json::from_str(&field("data")).unwrap();
        Some((field("id"), field("event"), data))
    }

    /// What stands before the next empty line; nothing at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The kinds of all messages until the end.
    async fn kinds(mut self) -> Vec<String> {
        let mut kinds = Vec::new();
        while let Some((_, kind, _)) = self.message().await {
            kinds.push(kind);
        }
        kinds
    }
}

fn listen() -> Request<Body> {
    request(Method::GET, "/reset/events", "")
}

#[tokio::test]
async fn a_late_listener_hears_the_run_from_its_beginning_to_its_end() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let early = Listener::new(&engine, listen()).await;
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    let late = Listener::new(&engine, listen()).await;
    turnstile.let_go();
    let report = running.await.unwrap().unwrap();
    let kinds = late.kinds().await;
    assert_eq!(kinds.first().unwrap(), "reset_started");
    assert_eq!(kinds.last().unwrap(), "reset_finished");
    assert_eq!(early.kinds().await, kinds);

    let run = report.run.unwrap();
    let seen = with(listen(), "last-event-id", &format!("{run}:0"));
    let mut back = Listener::new(&engine, seen).await;
    let (id, kind, data) = back.message().await.unwrap();
    assert_eq!(id, format!("{run}:1"));
    assert_eq!(data["kind"], *kind);
    assert_eq!(data["run"], run.to_string());
    assert_eq!(data["index"], 1);
    assert_eq!(back.kinds().await, kinds[2..]);
}

#[tokio::test]
async fn an_id_that_nobody_knows_tells_how_the_last_run_ended() {
    let host = Host::new().await;
    let engine = host.engine().await;
    engine.reset(everything()).await.unwrap();
    let unknown = "00000000-0000-7000-8000-000000000000:7";
    for id in [unknown, "7", "nonsense"] {
        let listener = Listener::new(&engine, with(listen(), "last-event-id", id)).await;
        let kinds = listener.kinds().await;
        assert_eq!(kinds.first().unwrap(), "reset_started", "{id}");
    }
}

#[tokio::test]
async fn who_has_heard_the_end_waits_for_the_next_run() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let first = engine.reset(everything()).await.unwrap();
    let mut events =
        engine.events_after(Some(format!("{}:0", first.run.unwrap()).parse().unwrap()));
    let mut last = None;
    while let Some(event) = events.try_next() {
        last = Some(event.id());
    }
    let back = with(listen(), "last-event-id", &last.unwrap().to_string());
    let mut listener = Listener::new(&engine, back).await;
    let second = engine.reset(everything()).await.unwrap();
    let (id, kind, _) = listener.message().await.unwrap();
    assert_eq!(id, format!("{}:0", second.run.unwrap()));
    assert_eq!(kind, "reset_started");
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive_until_the_host_shuts_down() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let mut listener = Listener::new(&engine, listen()).await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let comment = listener.block().await.unwrap();
    assert!(comment.starts_with(':'), "{comment}");
    assert_eq!(begun.elapsed().as_secs(), Duration::from_secs(15).as_secs());
    engine.end_events();
    assert_eq!(listener.block().await, None);
}

#[tokio::test]
async fn at_most_64_listen_at_a_time() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let listen = || app(&engine).oneshot(request(Method::GET, "/reset/events", ""));
    let mut listeners = Vec::new();
    for _ in 0..64 {
        let response = listen().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        listeners.push(response);
    }
    let refused = listen().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    listeners.pop();
    assert_eq!(listen().await.unwrap().status(), StatusCode::OK);
}
