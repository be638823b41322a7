//! A reset that fails has lost nothing.

use serde_json::json;
use sqlx::Connection;

use crate::server::{PASSPHRASE, Server, contents, until};

#[tokio::test]
async fn a_database_that_stays_locked_is_a_500_and_everything_is_as_before() {
    let server = Server::demo();
    let files = |server: &Server| -> Vec<_> {
        let all = contents(server.directory()).into_iter();
        let ours = |path: &str| path.contains("tuitbot.db") || path.contains("/history/");
        all.filter(|(path, _)| !ours(&path.display().to_string()))
            .collect()
    };
    let before = files(&server);
    let rows = server.count("threads").await;
    let mut connection = server.database().await;
    let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();

    let answer = server.reset().await;

    assert_eq!(answer.status, 500);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("database query error: "), "{error}");
    assert!(error.contains("database is locked"), "{error}");
    assert!(!answer.headers.contains_key("set-cookie"));
    lock.rollback().await.unwrap();
    assert!(files(&server) == before, "a file has changed");
    assert_eq!(server.count("threads").await, rows);
    let runtime = server.get("/api/runtime/status").await.json();
    assert_eq!(runtime, json!({ "running": true, "task_count": 3 }));
    assert_eq!(server.login(PASSPHRASE).await.status, 200);
    // What was stopped really works again: it writes.
    let written = server.count("action_log").await;
    until(async || server.count("action_log").await != written).await;
    assert_eq!(
        server.reset().await.status,
        200,
        "and the next reset goes through"
    );
}

#[tokio::test]
async fn rows_that_would_dangle_are_a_500_that_names_both_tables() {
    let server = Server::quiet_demo().await;
    for sql in [
        "CREATE TABLE notes (thread INTEGER REFERENCES threads (id))",
        "INSERT INTO notes SELECT id FROM threads",
    ] {
        sqlx::query(sql)
            .execute(&mut server.database().await)
            .await
            .unwrap();
    }
    let before = server.count("threads").await;
    let answer = server.reset().await;
    assert_eq!(answer.status, 500);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("database query error: "), "{error}");
    assert!(
        error.contains("`notes`") && error.contains("`threads`"),
        "{error}"
    );
    assert_eq!(server.count("threads").await, before);
    assert!(server.path("media").exists() && server.path("config.toml").exists());
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused_and_told_why() {
    let server = Server::demo();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_tuitbot"))
        .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
        .arg(server.directory())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(
        message.contains("already uses the data directory"),
        "{message}"
    );
}

#[tokio::test]
async fn a_killed_server_starts_again_on_what_it_had() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::open(directory.path(), &["--demo"]);
    server.kill();
    let server = Server::open(directory.path(), &["--demo"]);
    assert_eq!(server.login(PASSPHRASE).await.status, 200);
    assert_eq!(server.reset().await.status, 200);
}
