//! The destructive calls: what they ask for, what they clear, what they answer.

use std::fs;

use axum::http::{Method, StatusCode, header};
use factory_reset::{KeptRows, RunOutcome};
use serde_json::{Value, json};

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, tree};
use crate::http_client::{full_engine, get, post, request, send};
use crate::steps::Turnstile;

const DESTRUCTIVE: [&str; 5] = ["database", "files", "cache", "complete", "restore"];

#[tokio::test]
async fn nothing_happens_without_the_boolean() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let deep = format!(r#"{{"confirm": true, "a": {}"#, "[".repeat(10_000));
    let bodies: [&[u8]; 19] = [
        b"",
        b"{}",
        b"null",
        b"true",
        b"[]",
        b"[true]",
        b"{\"confirm\": false}",
        b"{\"confirm\": null}",
        b"{\"confirm\": 1}",
        b"{\"confirm\": \"true\"}",
        b"{\"confirm\": [true]}",
        b"{\"Confirm\": true}",
        b"{\"confirm\": false, \"confirm\": true}",
        b"{\"confirm\": true, \"confirm\": true}",
        b"{\"confirm\": true",
        b"{\"confirm\": true} x",
        b"{\"confirm\": true, \"a\": 1e999}",
        b"{\"confirm\": true, \"a\": \"\xff\"}",
        deep.as_bytes(),
    ];
    for call in DESTRUCTIVE {
        for body in bodies {
            let path = format!("/reset/{call}");
            let request = request(Method::POST, &path, body.to_vec());
            let (status, headers, answer) = send(&engine, request).await;
            let said = String::from_utf8_lossy(&body[..body.len().min(50)]).into_owned();
            assert_eq!(status, StatusCode::BAD_REQUEST, "{call} {said}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
            assert_eq!(
                serde_json::from_slice::<Value>(&answer).unwrap(),
                json!({ "success": false, "error": "confirmation required: set \"confirm\": true" }),
                "{call} {said}"
            );
        }
    }
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
    assert!(engine.history().is_empty());
}

#[tokio::test]
async fn a_body_is_validated_as_a_whole_and_told_what_there_is() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    for (call, body, says) in [
        (
            "database",
            json!({ "table": ["posts"] }),
            "unknown field `table`, expected one of `confirm`, `tables`",
        ),
        (
            "database",
            json!({ "tables": ["post"] }),
            "there is no table `post`; there is: `drafts`, `posts`",
        ),
        (
            "database",
            json!({ "tables": ["posts", "_factory_reset"] }),
            "there is no table `_factory_reset`",
        ),
        (
            "database",
            json!({ "tables": ["posts", "_sqlx_migrations"] }),
            "there is no table `_sqlx_migrations`",
        ),
        (
            "database",
            json!({ "tables": [] }),
            "no table is named: name one, or leave the field out; there is: `drafts`",
        ),
        (
            "database",
            json!({ "tables": "posts" }),
            "`tables`: invalid type: string \"posts\"",
        ),
        (
            "database",
            json!({ "tables": null }),
            "`tables`: invalid type: null",
        ),
        (
            "database",
            json!({ "tables": ["posts", 7] }),
            "`tables[1]`: invalid type: integer `7`",
        ),
        (
            "database",
            json!({ "cascade": 1 }),
            "`cascade`: invalid type: integer `1`",
        ),
        (
            "database",
            json!({ "backup": "a/b" }),
            "`a/b` is no name of a backup",
        ),
        (
            "database",
            json!({ "backup": "" }),
            "is no name of a backup",
        ),
        (
            "database",
            json!({ "backup": "x".repeat(65) }),
            "is no name of a backup",
        ),
        (
            "database",
            json!({ "directories": ["media"] }),
            "unknown field `directories`",
        ),
        (
            "database",
            json!({ "preserve_test_user": true }),
            "no rows of a test user",
        ),
        (
            "files",
            json!({ "directories": ["report"] }),
            "there is no directory `report`; there is: `media`, `reports`, `stories`",
        ),
        (
            "files",
            json!({ "directories": ["../data"] }),
            "there is no directory `../data`",
        ),
        (
            "files",
            json!({ "directories": [] }),
            "no directory is named",
        ),
        (
            "files",
            json!({ "tables": ["posts"] }),
            "unknown field `tables`, expected one of `confirm`, `directories`, `backup`",
        ),
        (
            "cache",
            json!({ "prefix": "story" }),
            "begin with `story`; they begin with: `stories:`",
        ),
        (
            "cache",
            json!({ "prefix": "" }),
            "they begin with: `stories:`",
        ),
        (
            "cache",
            json!({ "backup": "one" }),
            "unknown field `backup`",
        ),
        (
            "complete",
            json!({ "tables": ["posts"] }),
            "unknown field `tables`",
        ),
        (
            "complete",
            json!({ "preserve_test_user": true }),
            "no rows of a test user",
        ),
        (
            "complete",
            json!({ "backup": "ä" }),
            "`ä` is no name of a backup",
        ),
        ("restore", json!({}), "missing field `name`"),
        ("restore", json!({ "name": "" }), "is no name of a backup"),
        (
            "restore",
            json!({ "name": 7 }),
            "`name`: invalid type: integer `7`",
        ),
        (
            "restore",
            json!({ "name": "one", "include": ["files"] }),
            "unknown field `include`",
        ),
    ] {
        let mut body = body;
        body["confirm"] = json!(true);
        let (status, answer) = post(&engine, &format!("/reset/{call}"), &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{call} {body}");
        assert_eq!(answer["success"], false);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(says), "{call} {body}: {error}");
    }
    let twice = r#"{"confirm": true, "tables": ["posts"], "tables": ["drafts"]}"#;
    let (status, answer) = post(&engine, "/reset/database", twice).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"], "`tables` is given twice");
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
    assert!(engine.history().is_empty());
}

#[tokio::test]
async fn the_database_goes_whole_or_by_its_tables() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    host.run("INSERT INTO drafts (text) VALUES ('draft')").await;
    let files = tree(&host.data());
    let body = json!({ "confirm": true, "tables": ["drafts"] });
    let (status, answer) = post(&engine, "/reset/database", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["success"], true);
    assert_eq!(answer["message"], "1 row of 1 table deleted");
    assert_eq!(answer["report"]["actor"], "admin");
    assert_eq!(answer["report"]["dry_run"], false);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
    let (status, answer) = post(&engine, "/reset/database", json!({ "confirm": true })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["message"], "3 rows of 2 tables deleted");
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert_eq!(tree(&host.data()), files);

    let (_, history) = get(&engine, "/reset/history").await;
    let runs = history["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["id"], answer["report"]["run"]);
    assert_eq!(runs[0]["actor"], "admin");
    let path = format!("/reset/history/{}", runs[0]["id"].as_str().unwrap());
    let (_, run) = get(&engine, &path).await;
    assert_eq!(run["report"], answer["report"]);
    for unknown in [
        "/reset/history/7",
        "/reset/history/00000000-0000-0000-0000-000000000000",
    ] {
        let (status, answer) = get(&engine, unknown).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(answer["success"], false);
    }
}

#[tokio::test]
async fn files_go_all_or_by_their_directories() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let rows = dump(&host.pool).await;
    let body = json!({ "confirm": true, "directories": ["stories", "stories"] });
    let (status, answer) = post(&engine, "/reset/files", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["message"], "2 files deleted");
    assert!(!host.data().join("stories").exists());
    assert!(host.data().join("reports/one.txt").exists());
    let (status, answer) = post(&engine, "/reset/files", json!({ "confirm": true })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["message"], "2 files deleted");
    assert!(!host.data().join("reports").exists() && !host.data().join("media").exists());
    assert_same(&dump(&host.pool).await, &rows);
}

#[tokio::test]
async fn keys_go_under_the_hosts_prefix() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for (body, prefix) in [
        (json!({ "confirm": true }), "stories:"),
        (json!({ "confirm": true, "prefix": "stories:" }), "stories:"),
        (
            json!({ "confirm": true, "prefix": "stories:7:" }),
            "stories:7:",
        ),
    ] {
        let (status, answer) = post(&engine, "/reset/cache", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["message"], "3 keys deleted");
        let steps = answer["report"]["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0]["items"][0]["name"], prefix);
    }
}

#[tokio::test]
async fn everything_goes_at_once() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let body = json!({ "confirm": true, "preserve_test_user": false, "cascade": false });
    let (status, answer) = post(&engine, "/reset/complete", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["message"],
        "3 rows of 2 tables deleted; 4 files deleted; 3 keys deleted"
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(engine.gate_handle().enter().is_some());
}

#[tokio::test]
async fn a_host_without_such_steps_says_which_it_has() {
    let host = Host::new().await;
    let engine = host.tables_engine().await;
    for (call, says) in [
        (
            "files",
            "no step of the category `files`; there is: `tables` (category: database)",
        ),
        (
            "cache",
            "no step of the category `cache`; there is: `tables` (category: database)",
        ),
    ] {
        let (status, answer) = post(
            &engine,
            &format!("/reset/{call}"),
            json!({ "confirm": true }),
        )
        .await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_second_reset_at_the_same_time_is_a_conflict() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { post(&engine, "/reset/complete", json!({ "confirm": true })).await }
    });
    turnstile.reached().await;
    let (status, answer) = post(&engine, "/reset/complete", json!({ "confirm": true })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        answer["error"],
        "another reset is running, or a backup: wait until it has ended"
    );
    turnstile.let_go();
    assert_eq!(first.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_nothing() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let client = tokio::spawn({
        let engine = engine.clone();
        async move { post(&engine, "/reset/complete", json!({ "confirm": true })).await }
    });
    turnstile.reached().await;
    client.abort();
    client.await.unwrap_err();
    turnstile.let_go();
    crate::fixture::until(|| {
        let history = engine.history();
        history
            .first()
            .is_some_and(|run| run.outcome == RunOutcome::Completed)
    })
    .await;
    crate::fixture::until(|| engine.gate_handle().enter().is_some()).await;
}

#[tokio::test]
async fn any_body_of_a_reset_can_be_previewed() {
    let host = Host::new().await;
    host.run("INSERT INTO drafts (text) VALUES ('draft')").await;
    full_engine(&host).await;
    let builder = host.media_builder().await;
    let rows = KeptRows::new("test_user", "signs in").rows("posts", "id = 2");
    let builder = builder.keep_rows(rows);
    let builder = builder.step(crate::steps::paths("generated", &["reports", "stories"]));
    let engine = builder
        .step(crate::steps::Keys::registration("stories:"))
        .build()
        .await
        .unwrap();
    let ids = |answer: &Value| -> Vec<String> {
        let steps = answer["steps"].as_array().unwrap().iter();
        steps
            .map(|step| step["id"].as_str().unwrap().to_owned())
            .collect()
    };
    for (body, steps) in [
        (
            json!({ "confirm": true }),
            vec!["generated", "media", "tables", "cache"],
        ),
        (
            json!({ "confirm": false, "backup": "any name" }),
            vec!["generated", "media", "tables", "cache"],
        ),
        (
            json!({ "preserve_test_user": false, "cascade": true }),
            vec!["generated", "media", "tables", "cache"],
        ),
        (json!({ "tables": ["posts"] }), vec!["tables"]),
        (
            json!({ "directories": ["media", "reports"] }),
            vec!["generated", "media"],
        ),
        (json!({ "prefix": "stories:1" }), vec!["cache"]),
        (
            json!({ "tables": ["posts"], "prefix": "stories:" }),
            vec!["tables", "cache"],
        ),
        (
            json!({ "steps": ["media"], "only": { "media": ["media"] } }),
            vec!["media"],
        ),
    ] {
        let (status, answer) = post(&engine, "/reset/preview", &body).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
        assert_eq!(ids(&answer), steps, "{body}");
    }
    for (body, says) in [
        (json!({ "confirm": "yes" }), "`confirm`: invalid type"),
        (json!({ "backup": 7 }), "`backup`: invalid type"),
        (
            json!({ "tables": ["posts"], "steps": ["media"] }),
            "choose one way",
        ),
        (json!({ "keep": ["nobody"] }), "there is: `test_user`"),
        (
            json!({ "tables": ["nothing"] }),
            "there is no table `nothing`",
        ),
    ] {
        let (status, answer) = post(&engine, "/reset/preview", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{answer}");
    }
}

#[tokio::test]
async fn preview_and_report_are_equal() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let (_, preview) = post(&engine, "/reset/preview", "{}").await;
    let (_, answer) = post(&engine, "/reset/complete", json!({ "confirm": true })).await;
    for field in ["steps", "cleared", "preserved", "unclaimed", "digest"] {
        assert_eq!(preview[field], answer["report"][field], "{field}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_told_in_json() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for (method, path, expected, allow) in [
        (
            Method::PUT,
            "/reset/complete",
            StatusCode::METHOD_NOT_ALLOWED,
            Some("POST"),
        ),
        (
            Method::POST,
            "/reset/backups/one",
            StatusCode::METHOD_NOT_ALLOWED,
            Some("DELETE"),
        ),
        (
            Method::POST,
            "/reset/history",
            StatusCode::METHOD_NOT_ALLOWED,
            Some("GET,HEAD"),
        ),
        (Method::GET, "/reset/nothing", StatusCode::NOT_FOUND, None),
        (Method::GET, "/reset", StatusCode::NOT_FOUND, None),
    ] {
        let (status, headers, body) = send(&engine, request(method, path, "")).await;
        assert_eq!(status, expected, "{path}");
        let allowed = headers
            .get(header::ALLOW)
            .map(|allow| allow.to_str().unwrap());
        assert_eq!(allowed, allow, "{path}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["success"], false);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for call in ["complete", "preview", "backup"] {
        let body = format!(
            r#"{{"confirm": true, "backup": "{}"}}"#,
            "x".repeat(64 * 1024)
        );
        let (status, answer) = post(&engine, &format!("/reset/{call}"), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["success"], false);
    }
    assert!(fs::exists(host.data().join("media/cat.jpg")).unwrap());
}
