//! One resets exactly what one has previewed.

use axum::http::{HeaderMap, Method, StatusCode, header};
use factory_reset::Engine;
use serde_json::{Value, json};

use crate::fixture::Host;
use crate::http_client::{full_engine, request, send, with};

async fn tag(engine: &Engine, method: Method, path: &str, body: &Value) -> String {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (status, headers, _) = send(engine, request(method, path, body)).await;
    assert_eq!(status, StatusCode::OK);
    text(&headers)
}

fn text(headers: &HeaderMap) -> String {
    headers[header::ETAG].to_str().unwrap().to_owned()
}

async fn reset(engine: &Engine, path: &str, tag: &str, body: &Value) -> (StatusCode, Value) {
    let request = with(
        request(Method::POST, path, body.to_string()),
        "if-match",
        tag,
    );
    let (status, _, body) = send(engine, request).await;
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_preview_or_the_options_are_enough() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let body = json!({ "confirm": true, "tables": ["posts"] });
    let previewed = tag(&engine, Method::POST, "/reset/preview", &body).await;
    let (status, answer) = reset(&engine, "/reset/database", &previewed, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let options = tag(&engine, Method::GET, "/reset/options", &Value::Null).await;
    let (status, answer) = reset(&engine, "/reset/database", &options, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn what_has_changed_since_is_not_reset() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let body = json!({ "confirm": true, "tables": ["posts"] });
    let previewed = tag(&engine, Method::POST, "/reset/preview", &body).await;
    let options = tag(&engine, Method::GET, "/reset/options", &Value::Null).await;
    host.run("INSERT INTO posts (text) VALUES ('late')").await;
    for tag in [&previewed, &options] {
        let (status, answer) = reset(&engine, "/reset/database", tag, &body).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
        assert_eq!(answer["success"], false);
        assert!(answer["error"].as_str().unwrap().contains("look again"));
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 4);
}

#[tokio::test]
async fn only_a_strong_tag_that_fits_lets_it_through() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let body = json!({ "confirm": true });
    let current = async || tag(&engine, Method::GET, "/reset/options", &Value::Null).await;
    let now = current().await;
    for never in [
        format!("W/{now}"),
        now.trim_matches('"').to_owned(),
        "\"other\"".to_owned(),
        "\"other\", W/\"other\"".to_owned(),
        "\"\"".to_owned(),
        "\"".to_owned(),
    ] {
        let (status, _) = reset(&engine, "/reset/complete", &never, &body).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{never}");
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    for fits in [now.clone(), "*".to_owned()] {
        let (status, _) = reset(&engine, "/reset/complete", &fits, &body).await;
        assert_eq!(status, StatusCode::OK, "{fits}");
    }
    for before in ["\"other\"", "W/\"other\", \"another\""] {
        let list = format!("{before}, {}", current().await);
        let (status, _) = reset(&engine, "/reset/database", &list, &body).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        host.run("INSERT INTO posts (text) VALUES ('again')").await;
        let (status, _) = reset(&engine, "/reset/database", &list, &body).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{list}");
    }
}
