//! A request that is sent again is done once.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use factory_reset::{Engine, Phase, RunOutcome, StepDescriptor};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{Host, until};
use crate::http_client::{full_engine, request, send, with};
use crate::steps::{Forgetful, Turnstile, registration};

const ALL: &str = r#"{"confirm": true}"#;

fn keyed(path: &str, key: &str, body: &str) -> Request<Body> {
    let request = request(Method::POST, path, body.to_owned());
    with(request, "idempotency-key", key)
}

async fn complete(engine: &Engine, key: &str) -> (StatusCode, HeaderMap, Bytes) {
    send(engine, keyed("/reset/complete", key, ALL)).await
}

fn is_replayed(headers: &HeaderMap) -> bool {
    headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

/// The files of the answers.
fn records(host: &Host) -> Vec<PathBuf> {
    let folder = host.data().join(".factory-reset/idempotency");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Changes the only record.
pub(crate) fn change(host: &Host, change: impl FnOnce(&mut Value)) {
    let records = records(host);
    assert_eq!(records.len(), 1);
    let mut record: Value = serde_json::from_slice(&fs::read(&records[0]).unwrap()).unwrap();
    change(&mut record);
    fs::write(&records[0], record.to_string()).unwrap();
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_resets_nothing() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (status, headers, first) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!is_replayed(&headers));
    host.run("INSERT INTO posts (text) VALUES ('new')").await;
    drop(engine);
    // Also after a start.
    let engine = full_engine(&host).await;
    let (status, headers, second) = complete(&engine, "one").await;
    assert_eq!((status, second), (StatusCode::OK, first));
    assert!(is_replayed(&headers));
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 2);
    assert_eq!(engine.history().len(), 1);

    let (status, headers, _) = complete(&engine, "two").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!is_replayed(&headers));
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    complete(&engine, "one").await;
    let spaced = r#"{"confirm":  true}"#;
    let conditional = with(keyed("/reset/complete", "one", ALL), "if-match", "*");
    // The same client may have signed in again as another user: to do it again would clear what
    // it has set up since.
    let of_another_caller = with(
        keyed("/reset/complete", "one", ALL),
        "authorization",
        "Bearer other-token",
    );
    host.run("INSERT INTO posts (text) VALUES ('new')").await;
    let before = host.number("SELECT count(*) FROM posts").await;
    for other in [
        keyed("/reset/complete", "one", spaced),
        keyed("/reset/database", "one", ALL),
        conditional,
        of_another_caller,
    ] {
        let (status, headers, body) = send(&engine, other).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!is_replayed(&headers));
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["success"], false);
        assert!(
            answer["error"]
                .as_str()
                .unwrap()
                .contains("another request")
        );
    }
    assert_eq!(engine.history().len(), 1);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, before);
    let (status, headers, _) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::OK);
    assert!(is_replayed(&headers));
    let stored = records(&host)
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap());
    for record in stored {
        assert!(!record.contains("confirm"), "{record}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let longest = "x".repeat(255);
    for (key, expected) in [
        ("", StatusCode::BAD_REQUEST),
        ("a b", StatusCode::BAD_REQUEST),
        ("a\tb", StatusCode::BAD_REQUEST),
        ("\u{e4}", StatusCode::BAD_REQUEST),
        (&"x".repeat(256), StatusCode::BAD_REQUEST),
        (&longest, StatusCode::OK),
        ("\"quoted\"", StatusCode::OK),
    ] {
        let mut request = request(Method::POST, "/reset/cache", ALL);
        let value = header::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        request.headers_mut().insert("idempotency-key", value);
        assert_eq!(send(&engine, request).await.0, expected, "{key}");
    }
    let mut twice = keyed("/reset/cache", "one", ALL);
    twice
        .headers_mut()
        .append("idempotency-key", "two".parse().unwrap());
    assert_eq!(send(&engine, twice).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_was_not_valid_uses_up_no_key() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for body in ["{}", r#"{"confirm": true, "tables": ["post"]}"#] {
        let (status, _, _) = send(&engine, keyed("/reset/database", "one", body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    assert!(records(&host).is_empty());
    let (status, _, _) = send(&engine, keyed("/reset/database", "one", ALL)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn repeats_at_the_same_time_wait_for_the_first() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let client = || {
        let engine = engine.clone();
        tokio::spawn(async move { complete(&engine, "one").await })
    };
    let first = client();
    turnstile.reached().await;
    let others: Vec<_> = (0..5).map(|_| client()).collect();
    // Its client does not wait for the answer.
    first.abort();
    turnstile.let_go();
    let answers: Vec<_> = join_all(others)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for (status, headers, body) in &answers {
        assert_eq!(*status, StatusCode::OK);
        assert!(is_replayed(headers));
        assert_eq!(*body, answers[0].2);
    }
    assert_eq!(engine.history().len(), 1);
}

#[tokio::test]
async fn a_key_is_free_again_when_nothing_had_begun() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { complete(&engine, "one").await }
    });
    turnstile.reached().await;
    assert_eq!(complete(&engine, "two").await.0, StatusCode::CONFLICT);
    turnstile.let_go();
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
    turnstile.let_go();
    let (status, headers, _) = complete(&engine, "two").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!is_replayed(&headers));
}

#[tokio::test]
async fn a_failure_is_answered_again_too() {
    let (host, fault) = (Host::new().await, Forgetful::default());
    let descriptor = StepDescriptor::new("zz-fault", Phase::Erase);
    let builder = host.media_builder().await;
    let builder = builder.step(registration(descriptor, fault.clone()));
    let engine = builder.build().await.unwrap();
    fault.fails.store(true, Ordering::SeqCst);
    let (status, _, first) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let answer: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(answer["success"], false);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("the cache does not answer")
    );
    assert!(answer["report"]["steps"].is_array());
    fault.fails.store(false, Ordering::SeqCst);
    let (status, headers, second) = complete(&engine, "one").await;
    assert_eq!((status, second), (StatusCode::INTERNAL_SERVER_ERROR, first));
    assert!(is_replayed(&headers));
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);

    // The process was killed before the answer was kept: nobody has it, and nothing has
    // happened, so it is done now.
    change(&host, |record| record["answer"] = Value::Null);
    let (status, headers, _) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!is_replayed(&headers));
    let runs = engine.history();
    assert_eq!(runs.len(), 2);
    assert_ne!(runs[0].id, runs[1].id);
}

#[tokio::test]
async fn a_lost_answer_is_made_from_the_history() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (_, _, first) = complete(&engine, "one").await;
    host.run("INSERT INTO posts (text) VALUES ('new')").await;
    change(&host, |record| record["answer"] = Value::Null);
    drop(engine);
    let engine = full_engine(&host).await;
    for _ in 0..2 {
        let (status, _, again) = complete(&engine, "one").await;
        assert_eq!(status, StatusCode::OK);
        let [first, again] =
            [&first, &again].map(|body| serde_json::from_slice::<Value>(body).unwrap());
        assert_eq!(again, first);
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 2);
}

#[tokio::test]
async fn what_had_never_begun_is_done_now_as_the_same_run() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    complete(&engine, "one").await;
    let run = "01890a5d-ac96-774b-bcce-b302099a8057";
    change(&host, |record| {
        record["answer"] = Value::Null;
        record["run"] = json!(run);
    });
    host.run("INSERT INTO posts (text) VALUES ('new')").await;
    let (status, headers, body) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!is_replayed(&headers));
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["report"]["run"], run);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    let entry = engine.history_entry(run.parse().unwrap()).unwrap();
    assert_eq!(entry.outcome, RunOutcome::Completed);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_while_the_clock_is_behind_it() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    complete(&engine, "one").await;
    for (at, is_kept) in [
        (hours(-23), true),
        (hours(-25), false),
        // The clock was set back by two days, and by ten years.
        (hours(48), true),
        (hours(24 * 3650), true),
    ] {
        change(&host, |record| record["at"] = json!(at));
        let (status, headers, _) = complete(&engine, "one").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(is_replayed(&headers), is_kept, "{at}");
    }
}

/// The time of that many hours from now, as the record has it.
fn hours(hours: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_hours(hours);
    at.to_string()
}

#[tokio::test]
async fn nothing_is_done_that_could_not_be_written_down() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    fs::write(host.data().join(".factory-reset/idempotency"), "in the way").unwrap();
    let (status, _, body) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .starts_with("nothing was done")
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    assert!(engine.history().is_empty());
}

#[tokio::test]
async fn the_gate_opens_when_nobody_takes_the_answer() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let client = tokio::spawn({
        let engine = engine.clone();
        async move { complete(&engine, "one").await }
    });
    turnstile.reached().await;
    client.abort();
    client.await.unwrap_err();
    turnstile.let_go();
    until(|| engine.history().len() == 1).await;
    until(|| engine.gate_handle().enter().is_some()).await;
    let (status, headers, _) = complete(&engine, "one").await;
    assert_eq!(status, StatusCode::OK);
    assert!(is_replayed(&headers));
}
