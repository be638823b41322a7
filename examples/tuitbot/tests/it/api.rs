//! The calls around the reset.

use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{PASSPHRASE, Server, onboarding, send, until};

async fn init(server: &Server, body: &Value) -> crate::server::Answer {
    send(
        server
            .request(Method::POST, "/api/settings/init")
            .json(body),
    )
    .await
}

#[tokio::test]
async fn health_and_status_need_no_authentication() {
    let server = Server::fresh();
    send(server.request(Method::GET, "/api/health"))
        .await
        .is(200, json!({ "status": "ok" }));
    let status = server.status().await;
    assert_eq!(
        (&status["configured"], &status["claimed"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn everything_else_needs_it() {
    let server = Server::demo();
    for (method, path) in [
        (Method::GET, "/api/settings"),
        (Method::POST, "/api/auth/logout"),
        (Method::GET, "/api/runtime/status"),
        (Method::POST, "/api/runtime/start"),
        (Method::POST, "/api/runtime/stop"),
        (Method::GET, "/api/targets"),
        (Method::POST, "/api/targets"),
    ] {
        let answer = send(server.request(method, path)).await;
        answer.is(401, json!({ "error": "unauthorized" }));
    }
}

#[tokio::test]
async fn onboarding_writes_a_secret_configuration_once() {
    let server = Server::fresh();
    let body = onboarding("long enough");
    let created = init(&server, &body).await;
    assert_eq!(created.status, 200);
    let answer = created.json();
    assert_eq!(answer["status"], "created");
    assert_eq!(answer["config"]["x_api"], body["x_api"]);
    assert!(answer["csrf_token"].is_string());
    assert!(created.cookie().starts_with("tuitbot_session="));
    assert_eq!(init(&server, &body).await.status, 409);
    for secret in ["config.toml", "passphrase_hash", "api_token"] {
        let mode = std::fs::metadata(server.path(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_eq!(
        server.get("/api/settings").await.json()["business"],
        body["business"]
    );
}

#[tokio::test]
async fn nothing_secret_can_be_read_by_others_in_a_directory_that_they_can_enter() {
    let owned = tempfile::tempdir().unwrap();
    let directory = owned.path().join("data");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    // One that an earlier version has left.
    let old = directory.join("tuitbot.db");
    std::fs::write(&old, "").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = Server::open(&directory, &[]);
    assert_eq!(init(&server, &onboarding("long enough")).await.status, 200);
    for entry in std::fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}: {mode:o}", entry.file_name());
    }
}

#[tokio::test]
async fn onboarding_refuses_bad_input_and_writes_nothing() {
    let server = Server::fresh();
    let with = |pointer: &str, value: Value| {
        let mut body = onboarding("long enough");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for body in [
        json!([]),
        json!({}),
        with("/claim/passphrase", json!("short")),
        with("/business/product_name", json!(1)),
        with("/business/product_keywords", json!([])),
        with("/business/industry_topics", json!("topic")),
        with("/x_api", json!({})),
    ] {
        let answer = init(&server, &body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].is_string());
    }
    let status = server.status().await;
    assert_eq!(
        (&status["configured"], &status["claimed"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn a_login_opens_a_session_and_a_logout_closes_it() {
    let server = Server::demo();
    assert_eq!(server.login("wrong").await.status, 401);
    let login = server.login(PASSPHRASE).await;
    assert_eq!(login.status, 200);
    let body = login.json();
    assert!(body["expires_at"].is_string());
    let attributes = login.cookie().split_once(';').unwrap().1;
    assert_eq!(
        attributes,
        " HttpOnly; SameSite=Strict; Path=/; Max-Age=604800"
    );
    let session = login.session();
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE id = ?")
        .bind(session.split_once('=').unwrap().1)
        .fetch_one(&mut server.database().await)
        .await
        .unwrap();
    assert_eq!(stored, 0, "the token itself is not in the database");

    let cookie = |method, path| server.request(method, path).header("cookie", &session);
    let status = send(cookie(Method::GET, "/api/auth/status")).await.json();
    assert_eq!(status["authenticated"], true);
    assert_eq!(status["csrf_token"], body["csrf_token"]);
    assert_eq!(
        send(cookie(Method::POST, "/api/auth/logout")).await.status,
        403
    );
    let csrf = body["csrf_token"].as_str().unwrap();
    let logout = send(cookie(Method::POST, "/api/auth/logout").header("x-csrf-token", csrf)).await;
    logout.is(200, json!({ "ok": true }));
    assert_eq!(send(cookie(Method::GET, "/api/targets")).await.status, 401);
    let anonymous = send(server.request(Method::GET, "/api/auth/status")).await;
    assert_eq!(anonymous.json()["authenticated"], false);
}

#[tokio::test]
async fn five_logins_a_minute_and_no_more() {
    let server = Server::demo();
    for _ in 0..5 {
        assert_eq!(server.login("wrong").await.status, 401);
    }
    let sixth = server.login(PASSPHRASE).await;
    assert_eq!(sixth.status, 429);
    assert!(sixth.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_login_without_a_passphrase_set_is_503() {
    assert_eq!(Server::fresh().login("anything").await.status, 503);
}

#[tokio::test]
async fn the_runtime_starts_and_stops_once() {
    let server = Server::fresh();
    let post = async |path| server.bearer(Method::POST, path).await.status.as_u16();
    assert_eq!(post("/api/runtime/stop").await, 409);
    assert_eq!(post("/api/runtime/start").await, 200);
    assert_eq!(post("/api/runtime/start").await, 409);
    let status = server.get("/api/runtime/status").await.json();
    assert_eq!(status, json!({ "running": true, "task_count": 3 }));
    until(async || server.count("action_log").await != 0).await;
    assert_eq!(post("/api/runtime/stop").await, 200);
    assert_eq!(post("/api/runtime/stop").await, 409);
}

#[tokio::test]
async fn targets_are_listed_and_added() {
    let server = Server::fresh();
    let add = async |body| server.post("/api/targets", body).await.status.as_u16();
    assert_eq!(add(json!({ "username": "somebody" })).await, 201);
    assert_eq!(add(json!({ "username": "somebody" })).await, 409);
    assert_eq!(add(json!({ "username": "" })).await, 400);
    assert_eq!(add(json!({})).await, 400);
    let targets = server.get("/api/targets").await;
    assert!(targets.text.contains("somebody"));
}

#[tokio::test]
async fn a_database_that_others_keep_is_no_fault_of_the_service() {
    let server = Server::fresh();
    let body = json!({ "username": "somebody" });
    let mut other = server.database().await;
    let lock = sqlx::raw_sql("BEGIN IMMEDIATE");
    lock.execute(&mut other).await.unwrap();
    let refused = server.post("/api/targets", body.clone()).await;
    refused.is(503, json!({ "error": "database query error" }));
    assert_eq!(refused.headers["retry-after"], "1");
    let unlock = sqlx::raw_sql("ROLLBACK");
    unlock.execute(&mut other).await.unwrap();
    let added = server.post("/api/targets", body).await;
    assert!(added.status.is_success(), "{added:?}");
}

#[tokio::test]
async fn the_demo_fills_a_fresh_directory_only() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--demo", "--demo-rows", "500", "--demo-media", "7"];
    let mut server = Server::open(directory.path(), &arguments);
    for table in crate::after::user_tables(&server).await {
        assert!(server.count(&table).await > 0, "{table}");
    }
    let options = server.get("/api/reset/options").await.json();
    assert_eq!(options["steps"][3]["counts"]["files"], 7);
    let threads = server.count("threads").await;
    server.kill();
    let server = Server::open(directory.path(), &["--demo", "--demo-rows", "9000"]);
    assert_eq!(server.count("threads").await, threads);
}
