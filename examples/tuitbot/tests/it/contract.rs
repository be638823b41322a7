//! `POST /api/settings/factory-reset`, to the letter.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{PASSPHRASE, RESET, Server, send};

const CLEARING_COOKIE: &str = "tuitbot_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";

#[tokio::test]
async fn a_reset_answers_with_exactly_what_it_cleared() {
    let server = Server::quiet_demo().await;
    let mut rows = 0;
    for table in crate::after::user_tables(&server).await {
        rows += server.count(&table).await;
    }
    let answer = server.reset().await;
    answer.is(
        200,
        json!({
            "status": "reset_complete",
            "cleared": {
                "tables_cleared": 30,
                "rows_deleted": rows,
                "config_deleted": true,
                "passphrase_deleted": true,
                "media_deleted": true,
                "runtimes_stopped": 0
            }
        }),
    );
    assert_eq!(answer.cookie(), CLEARING_COOKIE);
}

#[tokio::test]
async fn a_running_runtime_is_stopped_and_counted() {
    let server = Server::demo();
    let answer = server.reset().await;
    assert_eq!(answer.json()["cleared"]["runtimes_stopped"], 1);
    let status = server.get("/api/runtime/status").await;
    status.is(200, json!({ "running": false, "task_count": 0 }));
}

#[tokio::test]
async fn a_second_reset_reports_30_tables_and_the_3_rows_of_a_fresh_install() {
    let server = Server::demo();
    assert_eq!(server.reset().await.status, 200);
    server.reset().await.is(
        200,
        json!({
            "status": "reset_complete",
            "cleared": {
                "tables_cleared": 30,
                "rows_deleted": 3,
                "config_deleted": false,
                "passphrase_deleted": false,
                "media_deleted": false,
                "runtimes_stopped": 0
            }
        }),
    );
}

#[tokio::test]
async fn anything_but_the_phrase_is_a_400_that_changes_nothing() {
    let server = Server::quiet_demo().await;
    let rows = server.count("discovered_tweets").await;
    let bodies = [
        "",
        " ",
        "{",
        "null",
        "[]",
        "42",
        "\"RESET TUITBOT\"",
        "[\"RESET TUITBOT\"]",
        "{}",
        r#"{"confirmation": null}"#,
        r#"{"confirmation": true}"#,
        r#"{"confirmation": 1}"#,
        r#"{"confirmation": ["RESET TUITBOT"]}"#,
        r#"{"confirmation": ""}"#,
        r#"{"confirmation": "reset tuitbot"}"#,
        r#"{"confirmation": " RESET TUITBOT"}"#,
        r#"{"confirmation": "RESET TUITBOT\n"}"#,
        r#"{"Confirmation": "RESET TUITBOT"}"#,
        "{\"confirmation\": \"\u{ff32}ESET TUITBOT\"}",
    ];
    for body in bodies {
        for content_type in ["application/json", "text/plain"] {
            let request = server.bearer_request(Method::POST, RESET);
            let request = request.header("content-type", content_type).body(body);
            let answer = send(request).await;
            answer.is(400, json!({ "error": "incorrect confirmation phrase" }));
        }
    }
    let absent = server.bearer(Method::POST, RESET).await;
    absent.is(400, json!({ "error": "incorrect confirmation phrase" }));
    assert_eq!(server.count("discovered_tweets").await, rows);
    assert!(server.path("config.toml").exists() && server.path("media").exists());
}

#[tokio::test]
async fn who_is_not_authenticated_gets_401_whatever_the_body() {
    let server = Server::quiet_demo().await;
    let unauthorized: Value = json!({ "error": "unauthorized" });
    for body in ["", "{", r#"{"confirmation": "RESET TUITBOT"}"#] {
        let anonymous = server.request(Method::POST, RESET).body(body);
        send(anonymous).await.is(401, unauthorized.clone());
        let wrong = server
            .request(Method::POST, RESET)
            .bearer_auth("wrong")
            .body(body);
        send(wrong).await.is(401, unauthorized.clone());
        let dead = server
            .request(Method::POST, RESET)
            .header("cookie", "tuitbot_session=dead");
        send(dead.body(body)).await.is(401, unauthorized.clone());
    }
    let large = server
        .request(Method::POST, RESET)
        .body(vec![b'x'; 2 << 20]);
    send(large).await.is(401, unauthorized.clone());
    // Not a byte of this body is ever sent.
    let host = server.host();
    let head = format!("POST {RESET} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 9\r\n\r\n");
    let answer = server.raw(&head);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.ends_with(&unauthorized.to_string()), "{answer}");
    assert!(server.path("config.toml").exists());
}

#[tokio::test]
async fn a_session_needs_its_csrf_token() {
    let server = Server::quiet_demo().await;
    let login = server.login(PASSPHRASE).await;
    let csrf = login.json()["csrf_token"].as_str().unwrap().to_owned();
    let request = |csrf: Option<&str>| {
        let mut request = server
            .request(Method::POST, RESET)
            .header("cookie", login.session());
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        send(request.json(&json!({ "confirmation": "RESET TUITBOT" })))
    };
    for wrong in [None, Some(""), Some("wrong")] {
        let answer = request(wrong).await;
        assert_eq!(answer.status, 403);
        assert!(answer.json()["error"].is_string());
    }
    assert!(server.path("config.toml").exists());
    let answer = request(Some(&csrf)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.cookie(), CLEARING_COOKIE);
    assert_eq!(
        request(Some(&csrf)).await.status,
        401,
        "the session went with the reset"
    );
}
