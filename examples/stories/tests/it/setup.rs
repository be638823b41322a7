//! How the first administrator is created.

use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};

use crate::host::Host;
use crate::install::{Backend, Service, on_each_database};
use crate::server::send;

#[tokio::test]
async fn the_setup_token_creates_the_first_administrator_and_nobody_else() {
    let server = Host::new().start();
    let file = server.path("setup_token");
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let setup_token = server.setup_token();
    assert_eq!(setup_token.len(), 64);

    let wrong = server.set_up(&"0".repeat(64)).await;
    wrong.refuses(
        403,
        "wrong setup token: it stands in the file `setup_token` of the data directory",
    );
    assert_eq!(server.set_up("").await.status, 403);
    assert!(file.exists());

    let created = server.set_up(&setup_token).await;
    assert_eq!(created.status, 201);
    let token = created.json()["token"].as_str().unwrap().to_owned();
    assert!(created.json()["expires_at"].is_string());
    let me = server.get("/api/users/me", &token).await.json();
    assert_eq!(me["role"], "administrator");
    assert!(!file.exists());

    for presented in [setup_token.as_str(), "wrong", ""] {
        let answer = server.set_up(presented).await;
        answer.refuses(409, "there is a user already");
    }
    assert_eq!(server.sign_in("first", "long enough").await.status, 200);
}

#[tokio::test]
async fn of_many_who_try_at_once_one_gets_in() {
    let server = Host::new().start();
    let setup_token = server.setup_token();
    let attempts = std::iter::repeat_with(|| server.set_up(&setup_token)).take(8);
    let answers = futures::future::join_all(attempts).await;
    let created = answers.iter().filter(|answer| answer.status == 201);
    assert_eq!(created.count(), 1);
    let refused = answers.iter().filter(|answer| answer.status == 409);
    assert_eq!(refused.count(), 7);
    assert_eq!(server.count("users").await, 1);
    assert!(!server.path("setup_token").exists());
}

#[tokio::test]
async fn bad_input_is_named_and_creates_nobody() {
    let server = Host::new().start();
    let valid = json!({
        "setup_token": server.setup_token(),
        "username": "first",
        "password": "long enough",
    });
    let with = |name: &str, value: Value| {
        let mut body = valid.clone();
        body[name] = value;
        (name.to_owned(), body)
    };
    let cases = [
        with("username", json!("")),
        with("username", json!("a b")),
        with("username", json!(1)),
        with("password", json!("short")),
        with("password", json!(null)),
        with("setup_token", json!(["x"])),
        with("role", json!("administrator")),
    ];
    for (name, body) in cases {
        let answer = send(server.request(Method::POST, "/api/auth/setup").json(&body)).await;
        assert_eq!(answer.status, 400, "{body}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(&name), "{error}");
    }
    assert_eq!(server.count("users").await, 0);
}

#[tokio::test]
async fn the_file_is_there_for_as_long_as_there_is_no_user() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Host::at(directory.path()).start();
    let mut server = start();
    let setup_token = server.setup_token();
    server.stop();
    let mut server = start();
    assert_eq!(server.setup_token(), setup_token, "it has been handed out");
    assert_eq!(server.set_up(&setup_token).await.status, 201);
    server.stop();

    // As a crash right after the creation leaves it.
    std::fs::write(server.path("setup_token"), &setup_token).unwrap();
    let server = start();
    assert!(!server.path("setup_token").exists());
}

on_each_database![a_reset_that_leaves_no_user_leaves_a_setup_token];

/// Of whatever kind the reset is; and what was signed before is worth nothing.
async fn a_reset_that_leaves_no_user_leaves_a_setup_token(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let mut dead = vec![service.admin.clone(), service.server.token("test").await];
    let mut setup_tokens = Vec::new();
    let users = json!({ "confirm": true, "tables": ["users"], "cascade": true });
    for (call, body) in [
        ("complete", json!({ "confirm": true })),
        ("database", json!({ "confirm": true })),
        ("database", users),
        (
            "complete",
            json!({ "confirm": true, "preserve_test_user": true }),
        ),
    ] {
        assert!(!service.server.path("setup_token").exists());
        let done = service.post(call, body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!(service.install.count("users").await, 0);
        let file = service.server.path("setup_token");
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let setup_token = service.server.setup_token();
        assert!(!setup_tokens.contains(&setup_token), "it is another one");
        for wrong in setup_tokens.iter().map(String::as_str).chain(["", "0"]) {
            assert_eq!(service.server.set_up(wrong).await.status, 403);
        }
        setup_tokens.push(setup_token);
        service.set_up().await;
        for token in &dead {
            let me = service.server.get("/api/users/me", token).await;
            me.refuses(401, "unauthorized");
        }
        dead.push(service.admin.clone());
    }

    // A restore brings the users of before back, and the one of meanwhile is gone.
    let before = service.admin.clone();
    let body = json!({ "confirm": true, "backup": "one" });
    let done = service.post("complete", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    service.set_up().await;
    let restore = json!({ "name": "one", "confirm": true });
    let done = service.post("restore", restore).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(!service.server.path("setup_token").exists());
    let me = async |token: &str| service.server.get("/api/users/me", token).await;
    me(&service.admin).await.refuses(401, "unauthorized");
    // Their tokens had ended with the reset, and stay so.
    me(&before).await.refuses(401, "unauthorized");
}
