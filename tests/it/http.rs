//! The router: options and preview, behind an authoriser.

use std::fs;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use factory_reset::{Engine, PlanError, ResetError, ResetRequest, Selection, SelectionError};
use futures::stream;
use serde_json::{Value, json};

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, tree};
use crate::http_client::{request, send};

async fn preview(engine: &Engine, body: impl Into<Body>) -> (StatusCode, Value) {
    let (status, _, body) = send(engine, request(Method::POST, "/reset/preview", body)).await;
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_denial_answers_before_the_body_is_looked_at() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let untouchable = || {
        let never = stream::poll_fn(
            |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
                panic!("the body was read")
            },
        );
        Body::from_stream(never)
    };
    for (method, path) in [
        (Method::POST, "/reset/preview"),
        (Method::GET, "/reset/options"),
        (Method::POST, "/reset/complete"),
        (Method::DELETE, "/reset/backups/one"),
        (Method::GET, "/reset/events"),
        (Method::GET, "/reset/preview"),
        (Method::GET, "/reset/other"),
        (Method::GET, "/reset"),
    ] {
        for token in ["", "Bearer other"] {
            let mut request = request(method.clone(), path, untouchable());
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, token.parse().unwrap());
            let (status, _, body) = send(&engine, request).await;
            assert_eq!(
                (status, &body[..]),
                (StatusCode::UNAUTHORIZED, &b"who are you?"[..])
            );
        }
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_tells_a_stranger_nothing_of_the_plan() {
    let host = Host::new().await;
    let engine = host.engine().await;
    for (method, path, expected) in [
        (
            Method::GET,
            "/reset/preview",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (Method::GET, "/reset/other", StatusCode::NOT_FOUND),
        (Method::GET, "/reset", StatusCode::NOT_FOUND),
    ] {
        let (status, _, body) = send(&engine, request(method, path, "")).await;
        assert_eq!(status, expected, "{path}");
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains("media"), "{path}: {text}");
    }
}

#[tokio::test]
async fn options_are_a_preview_of_everything_with_the_phrase() {
    let host = Host::new().await;
    let builder = host.media_builder().await.confirmation("RESET HOST");
    let engine = builder.build().await.unwrap();
    let (status, headers, body) = send(&engine, request(Method::GET, "/reset/options", "")).await;
    let options: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(options["confirmation"], "RESET HOST");
    assert_eq!(options["dry_run"], true);
    assert_eq!(
        options["cleared"],
        json!({ "tables_cleared": 2, "rows_deleted": 3, "media_deleted": true })
    );
    assert_eq!(options["steps"][0]["id"], "media");
    assert_eq!(options["steps"][1]["items"][1]["name"], "posts");
    assert_eq!(options["preserved"][0]["name"], "_sqlx_migrations");
    let digest = engine
        .plan(&Selection::all())
        .await
        .unwrap()
        .digest()
        .to_owned();
    assert_eq!(headers[header::ETAG], format!("\"{digest}\""));
    assert_eq!(options["digest"], digest);
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn no_answer_is_kept_by_a_cache() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let nobody = |path: &str| {
        let mut request = request(Method::GET, path, "");
        request.headers_mut().remove(header::AUTHORIZATION);
        request
    };
    for request in [
        request(Method::GET, "/reset/options", ""),
        request(Method::POST, "/reset/preview", ""),
        request(Method::POST, "/reset/preview", "{"),
        request(Method::GET, "/reset/backups", ""),
        request(Method::GET, "/reset/history", ""),
        request(Method::GET, "/reset/history/one", ""),
        request(Method::GET, "/reset/openapi.json", ""),
        request(Method::GET, "/reset/answer", ""),
        request(Method::PUT, "/reset/options", ""),
        request(Method::PUT, "/reset/answer", ""),
        request(Method::PUT, "/reset/openapi.json", ""),
        request(Method::GET, "/reset/other", ""),
        nobody("/reset/options"),
        nobody("/reset/other"),
        nobody("/reset/openapi.json"),
    ] {
        let place = format!("{} {}", request.method(), request.uri());
        let (_, headers, _) = send(&engine, request).await;
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            assert_eq!(headers[name], value, "{place}");
        }
    }
}

#[tokio::test]
async fn an_empty_body_means_everything() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let (status, all) = preview(&engine, "").await;
    assert_eq!(status, StatusCode::OK);
    for body in ["  \n", "{}"] {
        let (_, other) = preview(&engine, body).await;
        assert_eq!(other["steps"], all["steps"]);
        assert_eq!(other["digest"], all["digest"]);
    }
    let (_, media) = preview(&engine, r#"{ "steps": ["media"] }"#).await;
    assert_eq!(media["steps"].as_array().unwrap().len(), 1);
    assert_eq!(media["cleared"], json!({ "media_deleted": true }));
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is() {
    let host = Host::new().await;
    let engine = host.engine().await;
    for (body, says) in [
        (
            r#"{ "step": ["media"] }"#,
            "unknown field `step`, expected one of `tables`, `directories`",
        ),
        (r#"{ "steps": ["medai"] }"#, "there is: `media`, `tables`"),
        (
            r#"{ "only": { "tables": ["post"] } }"#,
            "it has: `drafts`, `posts`",
        ),
        (
            r#"{ "steps": ["media"], "only": { "tables": ["posts"] } }"#,
            "add it there",
        ),
        (r#"{ "steps": "media" }"#, "`steps`: invalid type"),
        ("{", "not a JSON object"),
        ("\u{0}", "not a JSON object"),
    ] {
        let (status, answer) = preview(&engine, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["success"], false);
        assert!(
            answer["error"].as_str().unwrap().contains(says),
            "{body}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let host = Host::new().await;
    let engine = host.engine().await;
    for body in [
        "[]",
        r#"[["media"]]"#,
        r#"[["media"], {}]"#,
        "null",
        "7",
        r#""media""#,
    ] {
        let (status, answer) = preview(&engine, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["success"], false);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("not a JSON object"), "{body}: {error}");
    }
}

#[tokio::test]
async fn an_only_without_parts_is_refused() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let selection = Selection::all().only("tables", Vec::<String>::new());
    let error = engine.plan(&selection).await.unwrap_err();
    assert!(matches!(
        error,
        PlanError::Selection(SelectionError::Empty(_))
    ));
    let request = ResetRequest::new(selection).confirmed();
    let error = engine.reset(request).await.unwrap_err();
    assert!(matches!(error, ResetError::Plan(_)), "{error:?}");
    let (status, answer) = preview(&engine, r#"{ "only": { "media": [] } }"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("no part of step `media`"), "{error}");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_breaks_off_is_refused_in_json() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let large = Body::from(vec![b' '; 3 * 1024 * 1024]);
    let breaks = Body::from_stream(stream::iter([
        Ok(Bytes::from("{")),
        Err(std::io::Error::other("hung up")),
    ]));
    for (body, expected) in [
        (large, StatusCode::BAD_REQUEST),
        (breaks, StatusCode::BAD_REQUEST),
    ] {
        let request = request(Method::POST, "/reset/preview", body);
        let (status, headers, body) = send(&engine, request).await;
        assert_eq!(status, expected);
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["success"], false);
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let database = || {
        let files =
            ["host.db", "host.db-wal"].map(|name| fs::read(host.data().join(name)).unwrap());
        (files, tree(&host.data()))
    };
    let (rows, files) = (dump(&host.pool).await, database());
    for _ in 0..3 {
        preview(&engine, "").await;
        preview(
            &engine,
            r#"{ "steps": ["tables"], "only": { "tables": ["posts"] } }"#,
        )
        .await;
        send(&engine, request(Method::GET, "/reset/options", "")).await;
    }
    assert_eq!(database(), files);
    assert_same(&dump(&host.pool).await, &rows);
}
