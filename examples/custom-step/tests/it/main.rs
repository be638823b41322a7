//! What the step promises, tried through a small host of its own.

use std::fs;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::request::Parts;
use custom_step::SearchIndexDir;
use factory_reset::http::{Actor, Authoriser, Denial, router};
use factory_reset::{Engine, ResetRequest, Selection, async_trait};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

struct Everybody;

#[async_trait]
impl Authoriser for Everybody {
    async fn authorise(&self, _: &Parts) -> Result<Actor, Denial> {
        Ok(Actor("everybody".to_owned()))
    }
}

async fn host() -> (TempDir, Engine) {
    let data_dir = tempfile::tempdir().unwrap();
    fs::create_dir(data_dir.path().join("search")).unwrap();
    fs::write(data_dir.path().join("search/segment-1"), "words").unwrap();
    let engine = Engine::builder()
        .data_dir(data_dir.path())
        .resource(SearchIndexDir::new("search"))
        .build()
        .await
        .unwrap();
    (data_dir, engine)
}

async fn get(engine: &Engine, request: Request<Body>) -> Value {
    let response = router(engine, Everybody).oneshot(request).await.unwrap();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn it_stands_in_options_preview_and_report() {
    let (data_dir, engine) = host().await;
    let options = get(
        &engine,
        Request::get("/options").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(options["steps"][0]["label"], "Search index");
    assert_eq!(options["steps"][0]["counts"], json!({ "files": 1 }));

    let preview = get(
        &engine,
        Request::post("/preview").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(preview["cleared"], json!({ "search_index_deleted": true }));

    let request = ResetRequest::new(Selection::all()).confirmed();
    let report = engine.reset(request).await.unwrap();
    assert_eq!(json!(report.cleared), preview["cleared"]);
    assert_eq!(json!(report.steps)[0], preview["steps"][0]);
    assert!(!data_dir.path().join("search").exists());
}

#[tokio::test]
async fn an_index_that_is_not_there_is_not_deleted() {
    let (_data_dir, engine) = host().await;
    let request = || ResetRequest::new(Selection::all()).confirmed();
    engine.reset(request()).await.unwrap();
    let second = engine.reset(request()).await.unwrap();
    assert_eq!(
        json!(second.cleared),
        json!({ "search_index_deleted": false })
    );
}
