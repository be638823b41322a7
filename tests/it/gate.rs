//! No writer slips through while a reset runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Extension, Router};
use factory_reset::{Engine, Gate, ResetError};
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tower::ServiceExt;

use crate::fixture::{Host, SHORT, everything, own, step};
use crate::steps::{Turnstile, Workers};

/// A handler that says that it has begun, waits, and writes.
#[derive(Clone)]
struct Slow {
    begun: Arc<Semaphore>,
    proceed: Arc<Semaphore>,
    ended: Arc<AtomicBool>,
}

impl Slow {
    fn new() -> Self {
        Self {
            begun: Arc::new(Semaphore::new(0)),
            proceed: Arc::new(Semaphore::new(0)),
            ended: Arc::default(),
        }
    }

    fn app(&self, host: &Host, engine: &Engine) -> Router {
        let (slow, pool) = (self.clone(), host.pool.clone());
        let handler = async move || {
            slow.begun.add_permits(1);
            slow.proceed.acquire().await.unwrap().forget();
            sqlx::query("INSERT INTO drafts (text) VALUES ('late')")
                .execute(&pool)
                .await
                .unwrap();
            slow.ended.store(true, Ordering::SeqCst);
            "written"
        };
        Router::new()
            .route("/write", post(handler))
            .route("/read", get(async || "read"))
            .route("/health", get(async || "well"))
            .layer(engine.gate().except("/health"))
    }
}

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap()
}

async fn answer(app: &Router, path: &str) -> Response<Body> {
    app.clone().oneshot(request("GET", path)).await.unwrap()
}

async fn until_closed(engine: &Engine) {
    while engine.gate_handle().enter().is_some() {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_waited_for_and_others_are_refused() {
    let (host, turnstile, slow) = (Host::new().await, Turnstile::new(), Slow::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let app = slow.app(&host, &engine);
    let under_way = tokio::spawn(app.clone().oneshot(request("POST", "/write")));
    slow.begun.acquire().await.unwrap().forget();
    let reset = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    until_closed(&engine).await;

    let refused = answer(&app, "/read").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert_eq!(answer(&app, "/health").await.status(), StatusCode::OK);
    assert!(
        turnstile.reached.try_acquire().is_err(),
        "nothing is stopped yet"
    );

    slow.proceed.add_permits(1);
    assert_eq!(under_way.await.unwrap().unwrap().status(), StatusCode::OK);
    turnstile.reached().await;
    assert_eq!(
        answer(&app, "/read").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(answer(&app, "/health").await.status(), StatusCode::OK);
    turnstile.let_go();
    reset.await.unwrap().unwrap();
    assert_eq!(answer(&app, "/read").await.status(), StatusCode::OK);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
}

#[tokio::test]
async fn a_request_whose_client_hung_up_is_waited_for_all_the_same() {
    let (host, turnstile, slow) = (Host::new().await, Turnstile::new(), Slow::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let app = slow.app(&host, &engine);
    let client = tokio::spawn(app.clone().oneshot(request("POST", "/write")));
    slow.begun.acquire().await.unwrap().forget();
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    let reset = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    until_closed(&engine).await;
    assert!(turnstile.reached.try_acquire().is_err());
    slow.proceed.add_permits(1);
    turnstile.reached().await;
    assert!(
        slow.ended.load(Ordering::SeqCst),
        "the handler has ended before anything is stopped"
    );
    turnstile.let_go();
    reset.await.unwrap().unwrap();
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
}

#[tokio::test]
async fn a_drain_that_takes_too_long_stops_nothing_and_opens_the_gate() {
    let (host, workers) = (Host::new().await, Workers::new());
    let builder = host
        .builder(&["tables", "runtimes"])
        .await
        .drain_timeout(SHORT);
    let engine = workers.offer(builder).build().await.unwrap();
    let under_way = engine.gate_handle().enter().unwrap();
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(
        matches!(error, ResetError::Drain(limit) if limit == SHORT),
        "{error:?}"
    );
    assert_eq!(workers.stops.load(Ordering::SeqCst), 0);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    assert!(engine.gate_handle().enter().is_some());
    drop(under_way);
    engine.reset(everything()).await.unwrap();
    assert_eq!(workers.stops.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_handler_that_panics_does_not_keep_the_gate_from_closing() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let app: Router = Router::new()
        .route(
            "/panic",
            get(async || -> &'static str { panic!("in a handler") }),
        )
        .layer(engine.gate());
    let panicked = tokio::spawn(app.oneshot(request("GET", "/panic"))).await;
    assert!(
        panicked.unwrap_err().is_panic(),
        "the panic reaches the server as before"
    );
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn work_that_is_no_request_can_hold_the_gate_too() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let entered = engine.gate_handle().enter().unwrap();
    let reset = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    until_closed(&engine).await;
    host.run("INSERT INTO posts (text) VALUES ('before the reset')")
        .await;
    drop(entered);
    reset.await.unwrap().unwrap();
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn nobody_is_held_off_while_many_files_are_unlinked_and_the_report_waits_for_them() {
    for (files, is_open) in [(1000, false), (1001, true)] {
        let host = Host::new().await;
        // One is there already.
        for number in 1..files {
            host.write(&format!("media/{}/{number}", number % 10), "");
        }
        let engine = host.engine().await;
        let (report, gate) = engine.reset_behind_gate(everything()).await.unwrap();
        assert_eq!(step(&report, "media").counts["files"], files);
        assert_eq!(engine.gate_handle().enter().is_some(), is_open);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        assert_eq!(own(&host.data()), ["lock"]);
        drop(gate);
        assert!(engine.gate_handle().enter().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_a_cleared_path_once_the_gate_is_open_is_there_to_stay_also_after_a_crash() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let journal = host.data().join(".factory-reset/journal.committed.json");
    // Until it was seen in the middle of the purge.
    loop {
        for number in 0..2000 {
            host.write(&format!("media/{}/{number}", number % 10), "");
        }
        let reset = tokio::spawn({
            let engine = engine.clone();
            async move { engine.reset(everything()).await }
        });
        let (mut was_closed, mut seen) = (false, None);
        while !reset.is_finished() && seen.is_none() {
            match engine.gate_handle().enter() {
                None => was_closed = true,
                Some(_) if was_closed => seen = std::fs::read_to_string(&journal).ok(),
                Some(_) => {}
            }
            yield_now().await;
        }
        reset.await.unwrap().unwrap();
        let Some(text) = seen else { continue };
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        let is_over = record["swept"] == true || record["paths"] == serde_json::json!([]);
        assert!(is_over, "nothing is moved away again");
        assert_eq!(record["earlier"]["purge"].as_array().unwrap().len(), 1);
        return;
    }
}

/// A body whose rest comes through the sender.
fn half_body() -> (tokio::sync::oneshot::Sender<&'static str>, Body) {
    let (rest, arrives) = tokio::sync::oneshot::channel();
    let first = stream::once(async { Ok("half") });
    let second = stream::once(async move { arrives.await.map_err(axum::Error::new) });
    (rest, Body::from_stream(first.chain(second)))
}

fn post_body(path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method("POST").uri(path);
    request.body(body).unwrap()
}

#[tokio::test]
async fn a_request_whose_body_still_arrives_delays_no_reset_and_is_refused_while_one_runs() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let app = Router::new()
        .route("/echo", post(async |body: String| body))
        .layer(engine.gate());
    let (before, first) = half_body();
    let (during, second) = half_body();
    let first = tokio::spawn(app.clone().oneshot(post_body("/echo", first)));
    let second = tokio::spawn(app.clone().oneshot(post_body("/echo", second)));
    yield_now().await;
    let reset = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    during.send(" a body").unwrap();
    let refused = second.await.unwrap().unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    turnstile.let_go();
    reset.await.unwrap().unwrap();
    before.send(" a body").unwrap();
    let answer = first.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = axum::body::to_bytes(answer.into_body(), 64).await.unwrap();
    assert_eq!(body, "half a body");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_its_handler() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let app = Router::new()
        .route("/echo", post(async |body: String| body))
        .route("/upload", post(async |body: String| body))
        .layer(engine.gate().largest_body(4).except("/upload"));
    for (path, body, status) in [
        ("/echo", "four", StatusCode::OK),
        ("/echo", "fives", StatusCode::PAYLOAD_TOO_LARGE),
        ("/upload", "fives", StatusCode::OK),
    ] {
        let answer = app.clone().oneshot(post_body(path, body.into())).await;
        assert_eq!(answer.unwrap().status(), status, "{path} {body}");
    }
}

#[tokio::test]
async fn a_handler_that_enters_the_gate_itself_delays_no_reset_before_it_does() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let (begun, hashed) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let sign_in = {
        let (begun, hashed) = (begun.clone(), hashed.clone());
        async move |Extension(gate): Extension<Gate>| {
            begun.add_permits(1);
            hashed.acquire().await.unwrap().forget();
            match gate.enter() {
                Some(_entered) => StatusCode::OK,
                None => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    };
    let app = Router::new()
        .route("/sign-in", post(sign_in))
        .layer(engine.gate().enters_itself("/sign-in"));
    let ask = || app.clone().oneshot(request("POST", "/sign-in"));
    let hashing = tokio::spawn(ask());
    begun.acquire().await.unwrap().forget();
    let reset = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    let refused = ask().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert!(begun.try_acquire().is_err(), "it is refused at the gate");
    hashed.add_permits(1);
    let late = hashing.await.unwrap().unwrap();
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    turnstile.let_go();
    reset.await.unwrap().unwrap();
    hashed.add_permits(1);
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
}
