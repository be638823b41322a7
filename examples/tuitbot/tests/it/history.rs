//! Every reset that was asked for can be looked up afterwards.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::server::{PASSPHRASE, RESET, Server, send};
use crate::state::{State, tree};

const HISTORY: &str = "/api/reset/history";

/// The runs, the newest first.
pub(crate) async fn runs(server: &Server) -> Vec<Value> {
    let answer = server.get(HISTORY).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["runs"].as_array().unwrap().clone()
}

/// One run with its report.
pub(crate) async fn run(server: &Server, id: &Value) -> Value {
    let answer = server
        .get(&format!("{HISTORY}/{}", id.as_str().unwrap()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn it_needs_the_same_authentication_as_the_reset() {
    let server = Server::quiet_demo().await;
    assert_eq!(server.reset().await.status, 200);
    let id = runs(&server).await[0]["id"].as_str().unwrap().to_owned();
    for path in [HISTORY.to_owned(), format!("{HISTORY}/{id}")] {
        let anonymous = send(server.request(Method::GET, &path)).await;
        anonymous.is(401, json!({ "error": "unauthorized" }));
    }
}

#[tokio::test]
async fn a_completed_run_is_told_with_all_that_it_did() {
    let server = Server::quiet_demo().await;
    assert!(runs(&server).await.is_empty());
    let reset = server.reset().await.json();
    let listed = runs(&server).await;
    let [summary] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(summary["outcome"], "completed");
    assert_eq!(summary["recovered"], false);
    assert_eq!(summary["actor"], "bearer");
    assert_eq!(summary["pending"], json!([]));
    assert!(summary.get("error").is_none_or(Value::is_null));
    assert!(summary["duration_ms"].is_u64());
    let id = summary["id"].as_str().unwrap();
    uuid::Uuid::parse_str(id).unwrap();
    let started = summary["started_at"].as_str().unwrap();
    let started: jiff::Timestamp = started.parse().unwrap();
    assert!(started <= jiff::Timestamp::now());

    let run = run(&server, &summary["id"]).await;
    let told = summary.as_object().unwrap().iter();
    for (name, value) in told.filter(|(name, _)| *name != "report") {
        assert_eq!(&run[name], value, "{name}");
    }
    assert_eq!(run["report"]["cleared"], reset["cleared"]);
    assert!(run["selection"].is_object());
}

#[tokio::test]
async fn a_run_that_there_is_not_is_not_found() {
    let server = Server::fresh();
    let unknown = format!("{HISTORY}/01890a5d-ac96-774b-bcce-b302099a8057");
    let answer = server.get(&unknown).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["success"], false);
    assert!(answer.json()["error"].is_string());
    for malformed in ["1", "../options", "%2e%2e%2flock", "x'--", "%00"] {
        let answer = server.get(&format!("{HISTORY}/{malformed}")).await;
        assert!([400, 404].contains(&answer.status.as_u16()) || malformed == "../options");
    }
}

#[tokio::test]
async fn a_refused_and_a_failed_run_are_told_and_the_newest_comes_first() {
    let server = Server::quiet_demo().await;
    let wrong = server.post(RESET, json!({ "confirmation": "wrong" })).await;
    assert_eq!(wrong.status, 400);
    let mut connection = server.database().await;
    let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let failed = server.reset().await;
    assert_eq!(failed.status, 500);
    lock.rollback().await.unwrap();
    assert_eq!(server.reset().await.status, 200);

    let runs = runs(&server).await;
    let outcomes: Vec<_> = runs
        .iter()
        .map(|run| run["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["completed", "failed", "refused"]);
    assert!(
        runs[1]["error"].as_str().unwrap().contains("locked"),
        "{}",
        runs[1]
    );
    assert!(
        runs[2]["error"].as_str().unwrap().contains("phrase"),
        "{}",
        runs[2]
    );
    let refused = run(&server, &runs[2]["id"]).await;
    assert_eq!(refused["report"], Value::Null, "there was no plan yet");
}

#[tokio::test]
async fn it_outlives_resets_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::open(directory.path(), &["--demo"]);
    for _ in 0..3 {
        assert_eq!(server.reset().await.status, 200);
    }
    let before = runs(&server).await;
    assert_eq!(before.len(), 3);
    let first = run(&server, &before[2]["id"]).await;
    server.kill();
    let server = Server::open(directory.path(), &[]);
    assert_eq!(runs(&server).await, before);
    assert_eq!(run(&server, &before[2]["id"]).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_crash_cut_off_is_told_as_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let fresh = State::fresh().await;
    let mut server = Server::open(directory.path(), &["--demo"]);
    let stopped = server.bearer(Method::POST, "/api/runtime/stop").await;
    assert_eq!(stopped.status, 200);
    let before = State::of(&server).await;
    let own = directory.path().join(".factory-reset");
    let token = server.token();
    let request = server.request(Method::POST, RESET).bearer_auth(token);
    let request = request.json(&json!({ "confirmation": "RESET TUITBOT" }));
    let reset = tokio::spawn(request.send());
    // As soon as the reset has written its journal.
    let is_journal = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name();
        name.to_str().unwrap().starts_with("journal.prepared")
    };
    while !reset.is_finished() && !fs::read_dir(&own).unwrap().any(is_journal) {}
    server.kill();
    assert!(reset.await.unwrap().is_err(), "it was cut off");

    let server = Server::open(directory.path(), &[]);
    let runs = runs(&server).await;
    let [run] = runs.as_slice() else {
        panic!("{runs:?}");
    };
    assert_eq!(run["recovered"], true);
    let state = State::of(&server).await;
    match run["outcome"].as_str().unwrap() {
        "completed" => state.assert_factory(&fresh),
        "failed" => state.assert_same(&before),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn nothing_of_what_was_cleared_stands_in_it() {
    let server = Server::quiet_demo().await;
    let secrets = [
        server.token(),
        PASSPHRASE.to_owned(),
        "canary-4d1f88e2a09b".to_owned(),
    ];
    let added = server
        .post("/api/targets", json!({ "username": secrets[2] }))
        .await;
    assert_eq!(added.status, 201);
    let wrong = server
        .post(RESET, json!({ "confirmation": secrets[2] }))
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(server.reset().await.status, 200);
    let mut told = server.get(HISTORY).await.text.into_bytes();
    for summary in runs(&server).await {
        told.extend(run(&server, &summary["id"]).await.to_string().into_bytes());
    }
    for (path, (_, content)) in tree(server.directory()) {
        if path.starts_with(".factory-reset") {
            told.extend(content);
        }
    }
    let told = String::from_utf8_lossy(&told).into_owned();
    for secret in secrets {
        assert!(!told.contains(&secret), "{secret}");
    }
}
