//! What the step promises, tried through the small host in `examples/host.rs`.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

#[expect(dead_code, reason = "the tests call the app, not its `main`")]
#[path = "../../examples/host.rs"]
mod host;

use std::fs;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

async fn start() -> (TempDir, Router) {
    let data_dir = tempfile::tempdir().unwrap();
    fs::create_dir(data_dir.path().join("search")).unwrap();
    fs::write(data_dir.path().join("search/segment-1"), "words").unwrap();
    let engine = host::engine(data_dir.path()).await.unwrap();
    (data_dir, host::app(&engine))
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn reset(phrase: &'static str) -> Request<Body> {
    Request::post("/api/reset-all")
        .body(Body::from(phrase))
        .unwrap()
}

#[tokio::test]
async fn it_stands_in_options_preview_and_report() {
    let (data_dir, app) = start().await;
    let options = Request::get("/api/reset/options")
        .body(Body::empty())
        .unwrap();
    let (_, options) = send(&app, options).await;
    assert_eq!(options["steps"][0]["label"], "Search index");
    assert_eq!(options["steps"][0]["counts"], json!({ "files": 1 }));

    let preview = Request::post("/api/reset/preview")
        .body(Body::empty())
        .unwrap();
    let (_, preview) = send(&app, preview).await;
    assert_eq!(preview["cleared"], json!({ "search_index_deleted": true }));

    let (_, report) = send(&app, reset("RESET SEARCH")).await;
    assert_eq!(report["cleared"], preview["cleared"]);
    assert_eq!(report["steps"], preview["steps"]);
    assert!(!data_dir.path().join("search").exists());
}

#[tokio::test]
async fn an_index_that_is_not_there_is_not_deleted() {
    let (_data_dir, app) = start().await;
    send(&app, reset("RESET SEARCH")).await;
    let (_, second) = send(&app, reset("RESET SEARCH")).await;
    assert_eq!(second["cleared"], json!({ "search_index_deleted": false }));
}

#[tokio::test]
async fn a_wrong_phrase_leaves_it_alone() {
    let (data_dir, app) = start().await;
    let (status, _) = send(&app, reset("reset search")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(data_dir.path().join("search/segment-1").exists());
}
