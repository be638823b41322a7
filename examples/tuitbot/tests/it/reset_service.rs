//! The reset service of the framework, behind this host's own authentication.

use reqwest::Method;
use serde_json::json;

use crate::server::{PASSPHRASE, Server, contents, send};
use crate::state::State;

#[tokio::test]
async fn what_a_reset_has_cleared_comes_back_from_a_backup_and_is_at_work_again() {
    let server = Server::quiet_demo().await;
    let backup = server
        .post("/api/reset/backup", json!({ "name": "before" }))
        .await;
    assert_eq!(backup.status, 200, "{}", backup.text);
    assert!(!backup.text.contains("api_token"));
    let before = State::of(&server).await.without_rows("sessions");
    assert_eq!(server.reset().await.status, 200);
    assert_ne!(server.login(PASSPHRASE).await.status, 200);

    let restore = json!({ "name": "before", "confirm": true });
    let restored = server.post("/api/reset/restore", restore).await;
    assert_eq!(restored.status, 200, "{}", restored.text);
    let now = State::of(&server).await.without_rows("sessions");
    now.assert_same(&before);
    assert_eq!(server.count("sessions").await, 0);
    // The process knows of it, too.
    assert_eq!(server.login(PASSPHRASE).await.status, 200);
}

#[tokio::test]
async fn each_kind_of_state_can_be_reset_by_itself() {
    let server = Server::quiet_demo().await;
    let files = server
        .post("/api/reset/files", json!({ "confirm": true }))
        .await;
    assert_eq!(files.json()["message"], "60 files deleted");
    assert!(!server.path("media").exists());
    assert!(server.path("config.toml").exists());

    let threads = json!({ "confirm": true, "tables": ["threads"] });
    let refused = server.post("/api/reset/database", threads).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("`thread_tweets`"), "{}", refused.text);
    let cascading = json!({ "confirm": true, "tables": ["threads"], "cascade": true });
    let cascaded = server.post("/api/reset/database", cascading).await;
    assert_eq!(cascaded.status, 200, "{}", cascaded.text);
    assert_eq!(
        server.count("threads").await + server.count("thread_tweets").await,
        0
    );
    assert_ne!(server.count("action_log").await, 0);

    let cache = server
        .post("/api/reset/cache", json!({ "confirm": true }))
        .await;
    assert_eq!(cache.status, 400, "this host has none");
    let complete = server
        .post("/api/reset/complete", json!({ "confirm": true }))
        .await;
    assert_eq!(complete.status, 200, "{}", complete.text);
    assert_eq!(server.count("action_log").await, 0);
}

#[tokio::test]
async fn nobody_resets_with_a_cookie_alone() {
    let server = Server::demo();
    let login = server.login(PASSPHRASE).await;
    let before = contents(&server.path("media"));
    let post = |path: &str| {
        server
            .request(Method::POST, path)
            .json(&json!({ "confirm": true, "name": "b" }))
    };
    for path in [
        "database", "files", "cache", "complete", "restore", "backup",
    ] {
        let path = format!("/api/reset/{path}");
        assert_eq!(send(post(&path)).await.status, 401, "{path}");
        let forged = post(&path).header("cookie", login.session());
        assert_eq!(send(forged).await.status, 403, "{path}");
    }
    assert_eq!(contents(&server.path("media")), before);
}
