//! Any selection can be reset, and an answer that was lost can be had once more.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use factory_reset::Engine;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::Host;
use crate::http_client::{full_engine, get, post, request, send, with};
use crate::http_idempotency::change;
use crate::steps::Turnstile;

const KEY: &str = "b8f3c1e09a4d4b7785f25a60d3c9e17f";

/// Whoever asks for the answer has nothing but the key.
fn lost(key: &str) -> Request<Body> {
    let request = Request::get("/reset/answer").body(Body::empty()).unwrap();
    with(request, "idempotency-key", key)
}

async fn recalled(engine: &Engine, key: &str) -> (StatusCode, bool, Value) {
    let (status, headers, body) = send(engine, lost(key)).await;
    let is_replayed = headers.contains_key("idempotency-replayed");
    (status, is_replayed, serde_json::from_slice(&body).unwrap())
}

fn run(key: &str) -> Request<Body> {
    let body = json!({ "confirm": true }).to_string();
    with(
        request(Method::POST, "/reset/run", body),
        "idempotency-key",
        key,
    )
}

#[tokio::test]
async fn a_run_clears_what_the_preview_of_the_same_body_shows() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for selection in [
        json!({ "steps": ["media", "tables"], "only": { "tables": ["posts"] }, "cascade": true }),
        json!({ "directories": ["reports"] }),
        json!({}),
    ] {
        let (status, preview) = post(&engine, "/reset/preview", &selection).await;
        assert_eq!(status, StatusCode::OK, "{preview}");
        let mut confirmed = selection.clone();
        confirmed["confirm"] = true.into();
        let (status, answer) = post(&engine, "/reset/run", &confirmed).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let ids = |report: &Value| -> Vec<Value> {
            let steps = report["steps"].as_array().unwrap().iter();
            steps.map(|step| step["id"].clone()).collect()
        };
        assert_eq!(answer["report"]["cleared"], preview["cleared"]);
        assert_eq!(ids(&answer["report"]), ids(&preview));
    }
    assert!(!host.data().join("media").exists());
}

#[tokio::test]
async fn a_run_wants_its_confirmation_and_the_right_phrase_if_one_was_typed() {
    let host = Host::new().await;
    let builder = host.media_builder().await.confirmation("RESET IT");
    let engine = builder.build().await.unwrap();
    for refused in [
        json!({}),
        json!({ "confirm": false, "confirmation": "RESET IT" }),
        json!({ "confirm": true, "confirmation": "reset it" }),
        json!({ "confirm": true, "confirmation": "" }),
        json!({ "confirm": true, "steps": ["nothing"] }),
        json!({ "confirm": true, "phrase": "RESET IT" }),
    ] {
        let (status, answer) = post(&engine, "/reset/run", &refused).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused} {answer}");
    }
    assert!(host.data().join("media").exists());
    let restore = json!({ "name": "one", "confirm": true, "confirmation": "reset it" });
    let (status, answer) = post(&engine, "/reset/restore", restore).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"], "incorrect confirmation phrase");
    let typed = json!({ "confirm": true, "confirmation": "RESET IT" });
    let (status, _) = post(&engine, "/reset/run", typed).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!host.data().join("media").exists());
}

#[tokio::test]
async fn a_lost_answer_is_had_again_by_its_key_alone() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    assert_eq!(recalled(&engine, KEY).await.0, StatusCode::NOT_FOUND);
    let client = tokio::spawn({
        let engine = engine.clone();
        async move { send(&engine, run(KEY)).await }
    });
    turnstile.reached().await;
    let (status, _, answer) = recalled(&engine, KEY).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    turnstile.let_go();
    let (status, _, body) = client.await.unwrap();
    let first: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(first["report"]["run"], answer["run"]);
    assert_eq!(recalled(&engine, KEY).await, (status, true, first.clone()));
    drop(engine);
    // Also after a start.
    let engine = host.media_builder().await.build().await.unwrap();
    assert_eq!(recalled(&engine, KEY).await, (status, true, first));
    assert_eq!(engine.history().len(), 1);
}

#[tokio::test]
async fn a_key_that_others_could_guess_recalls_nothing() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let counters = ["0123456789abcdef0123456789abcdef", &"7".repeat(64)];
    for key in ["one", &KEY[1..], counters[0], counters[1]] {
        let (status, _, _) = send(&engine, run(key)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(recalled(&engine, key).await.0, StatusCode::BAD_REQUEST);
    }
    let nothing = Request::get("/reset/answer").body(Body::empty()).unwrap();
    assert_eq!(send(&engine, nothing).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_answer_is_for_its_caller_and_without_credentials_for_ten_minutes() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (status, _, body) = send(&engine, run(KEY)).await;
    assert_eq!(status, StatusCode::OK);
    let first: Value = serde_json::from_slice(&body).unwrap();
    let recall = async |token: Option<&str>| {
        let request = match token {
            Some(token) => with(lost(KEY), "authorization", token),
            None => lost(KEY),
        };
        let (status, headers, body) = send(&engine, request).await;
        assert_eq!(headers["cache-control"], "no-store");
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (own, other, stale) = ("Bearer token", "Bearer other-token", "Bearer stale");
    for asker in [None, Some(stale), Some(own)] {
        assert_eq!(recall(asker).await, (StatusCode::OK, first.clone()));
    }
    let (status, refused) = recall(Some(other)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // Another caller does not learn whether there was such a request.
    let unknown = lost("4f9c02e7b1a86d35904efb7c21d860a3");
    let (status, _, body) = send(&engine, unknown).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), refused);

    for (minutes, without) in [(-11, false), (-9, true), (11, false)] {
        let at = Timestamp::now() + SignedDuration::from_mins(minutes);
        change(&host, |record| record["answered_at"] = json!(at));
        for asker in [None, Some(stale)] {
            assert_eq!(
                recall(asker).await.0 == StatusCode::OK,
                without,
                "{minutes}"
            );
        }
        assert_eq!(recall(Some(own)).await.0, StatusCode::OK);
        assert_eq!(recall(Some(other)).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_with_the_process_is_for_its_caller_too() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    send(&engine, run(KEY)).await;
    change(&host, |record| record["answer"] = Value::Null);
    let other = with(lost(KEY), "authorization", "Bearer other-token");
    assert_eq!(send(&engine, other).await.0, StatusCode::NOT_FOUND);
    assert_eq!(recalled(&engine, KEY).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_names_no_path_to_a_caller_without_credentials() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    send(&engine, run(KEY)).await;
    change(&host, |record| record["version"] = json!(2));
    let (status, _, answer) = recalled(&engine, KEY).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let error = answer["error"].as_str().unwrap();
    assert!(!error.contains('/') && !error.contains(".json"), "{error}");
}

#[tokio::test]
async fn records_of_earlier_versions_are_read() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    send(&engine, run(KEY)).await;
    change(&host, |record| {
        let record = record.as_object_mut().unwrap();
        record.remove("actor");
        record.remove("answered_at");
    });
    assert_eq!(recalled(&engine, KEY).await.0, StatusCode::OK);
    let (status, headers, _) = send(&engine, run(KEY)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn options_say_what_may_be_chosen() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (_, options) = get(&engine, "/reset/options").await;
    assert_eq!(options["backups"], false);
    assert_eq!(options["keep"], json!([]));
    assert_eq!(options["parts"]["generated"], json!(["reports", "stories"]));
    for (step, parts) in options["parts"].as_object().unwrap() {
        let only = json!({ "steps": [step], "only": { step: parts }, "cascade": true });
        let (status, preview) = post(&engine, "/reset/preview", only).await;
        assert_eq!(status, StatusCode::OK, "{preview}");
    }
    let named = serde_json::to_value(engine.options().await.unwrap()).unwrap();
    assert_eq!(named["digest"], options["digest"]);
    assert_eq!(named["parts"], options["parts"]);
}
