//! What outlives a restart, and with what the service does not start.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::host::Host;
use crate::server::Server;

const ME: &str = "/api/users/me";

#[tokio::test]
async fn rows_files_and_tokens_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Host::at(directory.path()).demo().start();
    let token = server.token("writer").await;
    let body = json!({ "title": "Later" });
    let story = server.post("/api/stories", &token, body).await.json();
    server.stop();

    let server = Host::at(directory.path()).start();
    let path = format!("/api/stories/{}", story["id"]);
    assert_eq!(server.get(&path, &token).await.json()["title"], "Later");
    let mode = server.path("jwt_secret").metadata().unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[tokio::test]
async fn only_published_stories_can_be_read_by_others_in_a_directory_that_they_can_enter() {
    let directory = tempfile::tempdir().unwrap();
    let old = [("stories.db", 0o644), ("reports", 0o755)];
    std::fs::write(directory.path().join(old[0].0), "").unwrap();
    std::fs::create_dir(directory.path().join(old[1].0)).unwrap();
    for (name, mode) in old.iter().chain([&("", 0o755)]) {
        let mode = std::fs::Permissions::from_mode(*mode);
        std::fs::set_permissions(directory.path().join(name), mode).unwrap();
    }
    let _server = Host::at(directory.path()).demo().start();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        let is_public = entry.file_name() == "stories";
        assert_eq!(
            mode & 0o077 == 0,
            !is_public,
            "{:?}: {mode:o}",
            entry.file_name()
        );
    }
}

#[tokio::test]
async fn a_token_of_another_secret_is_not_let_in() {
    let directory = tempfile::tempdir().unwrap();
    let start = |secret: &str| Host::at(directory.path()).demo().jwt_secret(secret).start();
    let (one, other) = ("1".repeat(32), "2".repeat(32));
    let mut server = start(&one);
    assert!(!server.path("jwt_secret").exists());
    let token = server.token("writer").await;
    server.stop();
    let mut server = start(&other);
    server.get(ME, &token).await.refuses(401, "unauthorized");
    server.stop();
    assert_eq!(start(&one).get(ME, &token).await.status, 200);
}

#[tokio::test]
async fn a_restore_ends_every_token_also_where_the_secret_is_configured() {
    let directory = tempfile::tempdir().unwrap();
    let host = || {
        Host::at(directory.path())
            .demo()
            .jwt_secret(&"1".repeat(32))
    };
    let mut server = host().start();
    let token = server.token("admin").await;
    let post = async |server: &Server, path: &str, token: &str, body: Value| {
        let answer = server.post(path, token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    post(
        &server,
        "/api/reset/backup",
        &token,
        json!({ "name": "one" }),
    )
    .await;
    let reset = json!({ "confirm": true });
    post(&server, "/api/reset/complete", &token, reset).await;
    let owner = server.set_up(&server.setup_token()).await.json();
    let owner = owner["token"].as_str().unwrap();
    let restore = json!({ "confirm": true, "name": "one" });
    post(&server, "/api/reset/restore", owner, restore).await;
    for _ in 0..2 {
        for ended in [&*token, owner] {
            server.get(ME, ended).await.refuses(401, "unauthorized");
        }
        let again = server.token("admin").await;
        assert_eq!(server.get(ME, &again).await.status, 200);
        server.stop();
        server = host().start();
        assert_eq!(server.get(ME, &again).await.status, 200);
    }
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    for (secret, length) in [("", 0), ("secret", 6), (&"x".repeat(31), 31)] {
        let error = Host::new().jwt_secret(secret).fails();
        let expected = format!(
            "`JWT_SECRET` has {length} bytes: give it at least 32, or unset it to have a secret \
             generated"
        );
        assert!(error.contains(&expected), "{error}");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("jwt_secret"), "\n").unwrap();
    let error = Host::at(directory.path()).fails();
    assert!(error.contains("remove the file to have a new one generated"));
}

#[test]
fn urls_of_other_servers_are_refused_and_not_repeated() {
    let database = Host::new().database("mysql://root:hunter2@localhost/x");
    let error = database.fails();
    assert!(error.contains("write `postgres://…`, or leave it out for SQLite"));
    assert!(!error.contains("hunter2"));
    let error = Host::new().redis("http://root:hunter2@localhost").fails();
    assert!(error.contains("write `redis://host:port/database`, or leave it out"));
    assert!(!error.contains("hunter2"));
}
