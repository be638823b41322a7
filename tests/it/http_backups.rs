//! The calls about backups, on a host that keeps none.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fixture::Host;
use crate::http_client::{full_engine, post, request, send};

#[tokio::test]
async fn a_host_without_backups_says_so() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for (method, path, body) in [
        (Method::POST, "/reset/backup", json!({ "name": "one" })),
        (
            Method::POST,
            "/reset/backup",
            json!({ "name": "one", "include": ["database", "files", "config"] }),
        ),
        (Method::GET, "/reset/backups", json!({})),
        (Method::DELETE, "/reset/backups/one", json!({})),
        (
            Method::POST,
            "/reset/restore",
            json!({ "name": "one", "confirm": true }),
        ),
    ] {
        let (status, _, answer) = send(&engine, request(method, path, body.to_string())).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
        assert_eq!(answer["success"], false);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("this host keeps no backups"), "{error}");
    }
}

#[tokio::test]
async fn what_a_backup_cannot_be_is_told_with_what_it_can() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for (body, says) in [
        (json!({}), "missing field `name`"),
        (json!({ "name": "a b" }), "`a b` is no name of a backup"),
        (json!({ "name": "" }), "use 1 to 64 of the characters"),
        (json!({ "name": "." }), "begin with none of . and -"),
        (json!({ "name": ".." }), "begin with none of . and -"),
        (json!({ "name": ".hidden" }), "begin with none of . and -"),
        (json!({ "name": "--help" }), "begin with none of . and -"),
        (
            json!({ "name": "one", "include": [] }),
            "name some of `database`, `files`, `config`",
        ),
        (
            json!({ "name": "one", "include": ["cache"] }),
            "`include[0]`: unknown variant `cache`, expected one of `database`, `files`, `config`",
        ),
        (
            json!({ "name": "one", "include": null }),
            "`include`: invalid type: null",
        ),
        (
            json!({ "name": "one", "confirm": true }),
            "unknown field `confirm`",
        ),
    ] {
        let (status, answer) = post(&engine, "/reset/backup", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(says), "{body}: {error}");
    }
    for body in ["[]", "", "{"] {
        let (status, answer) = post(&engine, "/reset/backup", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let error = answer["error"].as_str().unwrap();
        assert!(error.starts_with("not a JSON object"), "{error}");
    }
}

#[tokio::test]
async fn no_reset_makes_a_backup_that_no_address_leads_to() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for path in ["complete", "database", "files", "run"] {
        let body = json!({ "backup": "..", "confirm": true });
        let (status, answer) = post(&engine, &format!("/reset/{path}"), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("begin with none of . and -"), "{error}");
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
}
