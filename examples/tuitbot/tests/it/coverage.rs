//! Nothing is left out by accident, and nothing outside is touched.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::server::Server;

async fn unclaimed(server: &Server) -> Value {
    server.get("/api/reset/options").await.json()["unclaimed"].clone()
}

#[tokio::test]
async fn a_file_that_no_step_claims_is_told_and_stays() {
    let server = Server::demo();
    std::fs::write(server.path("tokens.json"), "{}").unwrap();
    assert_eq!(
        unclaimed(&server).await,
        json!([{ "kind": "path", "name": "tokens.json" }])
    );
    assert_eq!(server.reset().await.status, 200);
    assert!(server.path("tokens.json").exists());
}

#[tokio::test]
async fn a_table_made_by_hand_is_told_and_stays() {
    let server = Server::quiet_demo().await;
    for sql in [
        "CREATE TABLE by_hand (note TEXT)",
        "INSERT INTO by_hand VALUES ('kept')",
    ] {
        sqlx::query(sql)
            .execute(&mut server.database().await)
            .await
            .unwrap();
    }
    assert_eq!(
        unclaimed(&server).await,
        json!([{ "kind": "table", "name": "by_hand" }])
    );
    let answer = server.reset().await.json();
    assert_eq!(answer["cleared"]["tables_cleared"], 30);
    assert_eq!(server.count("by_hand").await, 1);
}

#[tokio::test]
async fn a_link_in_media_goes_and_its_target_stays() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("mine"), "mine").unwrap();
    let server = Server::demo();
    symlink(outside.path(), server.path("media/link")).unwrap();
    symlink(outside.path().join("mine"), server.path("media/file-link")).unwrap();
    assert_eq!(server.reset().await.status, 200);
    assert!(!server.path("media").exists());
    assert_eq!(
        std::fs::read_to_string(outside.path().join("mine")).unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn media_that_is_a_link_goes_and_its_target_stays() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("mine"), "mine").unwrap();
    let server = Server::demo();
    std::fs::remove_dir_all(server.path("media")).unwrap();
    symlink(outside.path(), server.path("media")).unwrap();
    let answer = server.reset().await;
    assert_eq!(answer.json()["cleared"]["media_deleted"], true);
    assert!(std::fs::symlink_metadata(server.path("media")).is_err());
    assert_eq!(
        std::fs::read_to_string(outside.path().join("mine")).unwrap(),
        "mine"
    );
}
