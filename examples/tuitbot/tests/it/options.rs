//! Options and dry run.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{PASSPHRASE, RESET, Server, contents, send};

const OPTIONS: &str = "/api/reset/options";
const PREVIEW: &str = "/api/reset/preview";

#[tokio::test]
async fn options_tell_every_step_with_its_counts_and_what_is_preserved() {
    let server = Server::quiet_demo().await;
    let options = server.get(OPTIONS).await;
    assert!(options.headers.contains_key("etag"));
    let options = options.json();
    let steps = options["steps"].as_array().unwrap();
    let ids: Vec<_> = steps
        .iter()
        .map(|step| step["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "runtimes",
            "watchtower",
            "config",
            "media",
            "passphrase",
            "tables",
            "generators",
            "rate-limits"
        ]
    );
    for step in steps {
        assert!(!step["label"].as_str().unwrap().is_empty());
        assert!(!step["description"].as_str().unwrap().is_empty());
    }
    assert_eq!(steps[3]["counts"], json!({ "files": 60 }));
    assert_eq!(steps[5]["items"].as_array().unwrap().len(), 30);
    let preserved = options["preserved"].as_array().unwrap();
    let names: Vec<_> = preserved
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["_sqlx_migrations", "api_token", "backups"]);
    assert!(
        preserved
            .iter()
            .all(|item| !item["reason"].as_str().unwrap().is_empty())
    );
    assert_eq!(options["unclaimed"], json!([]));
    assert_eq!(options["confirmation"], "RESET TUITBOT");
}

#[tokio::test]
async fn they_need_the_same_authentication_as_the_reset() {
    let server = Server::demo();
    for (method, path) in [(Method::GET, OPTIONS), (Method::POST, PREVIEW)] {
        let anonymous = send(server.request(method, path)).await;
        anonymous.is(401, json!({ "error": "unauthorized" }));
    }
    let login = server.login(PASSPHRASE).await;
    let cookie = |method, path| {
        server
            .request(method, path)
            .header("cookie", login.session())
    };
    assert_eq!(send(cookie(Method::GET, OPTIONS)).await.status, 200);
    assert_eq!(send(cookie(Method::POST, PREVIEW)).await.status, 403);
    let csrf = login.json()["csrf_token"].as_str().unwrap().to_owned();
    let with_token = cookie(Method::POST, PREVIEW).header("x-csrf-token", csrf);
    assert_eq!(send(with_token).await.status, 200);
}

#[tokio::test]
async fn they_change_nothing() {
    let server = Server::quiet_demo().await;
    let before = contents(server.directory());
    assert_eq!(server.get(OPTIONS).await.status, 200);
    assert_eq!(server.bearer(Method::POST, PREVIEW).await.status, 200);
    assert!(contents(server.directory()) == before, "a byte has changed");
}

#[tokio::test]
async fn the_preview_tells_what_the_reset_then_does() {
    let server = Server::quiet_demo().await;
    let preview = server.bearer(Method::POST, PREVIEW).await.json();
    assert_eq!(preview["dry_run"], true);
    let reset = server.reset().await.json();
    assert_eq!(preview["cleared"], reset["cleared"]);
}

#[tokio::test]
async fn the_digest_changes_with_what_would_be_cleared_and_only_then() {
    let server = Server::quiet_demo().await;
    let digest = async || server.get(OPTIONS).await.headers["etag"].clone();
    let first = digest().await;
    assert_eq!(digest().await, first);
    let preview = server.bearer(Method::POST, PREVIEW).await;
    assert_eq!(preview.headers["etag"], first);
    server
        .post("/api/targets", json!({ "username": "somebody" }))
        .await;
    let second = digest().await;
    assert_ne!(second, first, "a row more");
    sqlx::query("UPDATE target_accounts SET username = 'else' WHERE username = 'somebody'")
        .execute(&mut server.database().await)
        .await
        .unwrap();
    let third = digest().await;
    assert_ne!(third, second, "another row");
    std::fs::write(server.path("media/new.jpg"), "new").unwrap();
    assert_ne!(digest().await, third, "a file more");
}

#[tokio::test]
async fn a_preview_of_some_steps_tells_those_alone() {
    let server = Server::quiet_demo().await;
    let preview = server.post(PREVIEW, json!({ "steps": ["media"] })).await;
    assert_eq!(preview.json()["cleared"], json!({ "media_deleted": true }));
    let wrong: [(Value, &str); 3] = [
        (json!({ "steps": ["medai"] }), "`media`"),
        (json!({ "stpes": ["media"] }), "`steps`"),
        (
            json!({ "steps": ["tables"], "only": { "tables": ["twets"] } }),
            "`threads`",
        ),
    ];
    for (body, listed) in wrong {
        let answer = server.post(PREVIEW, body).await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.json()["error"].as_str().unwrap().contains(listed),
            "{}",
            answer.text
        );
    }
    assert_eq!(
        send(server.bearer_request(Method::GET, RESET)).await.status,
        405
    );
}
