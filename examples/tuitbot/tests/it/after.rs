//! What holds after a reset.

use reqwest::Method;
use serde_json::json;
use sqlx::SqliteConnection;

use crate::server::{PASSPHRASE, Server, contents, onboarding, send, until};

pub(crate) async fn user_tables(server: &Server) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' \
         AND name NOT LIKE 'sqlite%' AND name NOT IN ('_sqlx_migrations', '_factory_reset')",
    )
    .fetch_all(&mut server.database().await)
    .await
    .unwrap()
}

async fn schema(connection: &mut SqliteConnection) -> Vec<(String, String, Option<String>)> {
    let sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY rowid";
    sqlx::query_as(sql).fetch_all(connection).await.unwrap()
}

async fn migrations(
    connection: &mut SqliteConnection,
) -> Vec<(i64, String, String, bool, Vec<u8>, i64)> {
    let sql = "SELECT version, description, installed_on, success, checksum, execution_time \
               FROM _sqlx_migrations ORDER BY version";
    sqlx::query_as(sql).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn schema_and_migrations_are_byte_for_byte_the_same() {
    let server = Server::demo();
    let mut database = server.database().await;
    let before = (schema(&mut database).await, migrations(&mut database).await);
    assert_eq!(server.reset().await.status, 200);
    let mut database = server.database().await;
    assert_eq!(
        (schema(&mut database).await, migrations(&mut database).await),
        before
    );
}

#[tokio::test]
async fn the_service_can_be_taken_into_use_again_without_a_restart() {
    let server = Server::demo();
    let old = server.login(PASSPHRASE).await.session();
    assert_eq!(server.reset().await.status, 200);

    let status = server.status().await;
    assert_eq!(
        (&status["configured"], &status["claimed"]),
        (&json!(false), &json!(false))
    );
    let dead = server
        .request(Method::GET, "/api/targets")
        .header("cookie", &old);
    assert_eq!(send(dead).await.status, 401);
    assert_eq!(
        server.login(PASSPHRASE).await.status,
        503,
        "no passphrase is set"
    );
    assert_eq!(
        server.get("/api/targets").await.status,
        200,
        "the bearer token lives on"
    );
    assert_eq!(server.get("/api/settings").await.status, 404);

    let init = server.request(Method::POST, "/api/settings/init");
    let init = send(init.json(&onboarding("another passphrase"))).await;
    assert_eq!(init.status, 200);
    assert_eq!(
        server.login(PASSPHRASE).await.status,
        401,
        "the old passphrase is dead"
    );
    assert_eq!(server.login("another passphrase").await.status, 200);
    let start = server.bearer(Method::POST, "/api/runtime/start").await;
    assert_eq!(start.status, 200);
}

#[tokio::test]
async fn login_attempts_are_forgotten() {
    let server = Server::demo();
    for _ in 0..5 {
        assert_eq!(server.login("wrong").await.status, 401);
    }
    assert_eq!(server.login(PASSPHRASE).await.status, 429);
    assert_eq!(server.reset().await.status, 200);
    let init = server.request(Method::POST, "/api/settings/init");
    assert_eq!(
        send(init.json(&onboarding("another passphrase")))
            .await
            .status,
        200
    );
    assert_eq!(server.login("another passphrase").await.status, 200);
}

#[tokio::test]
async fn the_directory_holds_what_a_fresh_install_holds() {
    let server = Server::demo();
    std::fs::write(server.path("backups/kept"), "safe").unwrap();
    let token = server.token();
    assert_eq!(server.reset().await.status, 200);
    let mut names: Vec<String> = contents(server.directory())
        .into_iter()
        .map(|(path, _)| {
            path.strip_prefix(server.directory())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    // What resets have done is told for ever after.
    names.retain(|name| !name.starts_with(".factory-reset/history/"));
    assert_eq!(
        names,
        [
            ".factory-reset/lock",
            ".factory-reset/owner.json",
            ".factory-reset/reserve",
            "api_token",
            "backups/kept",
            "tuitbot.db",
            "tuitbot.db-wal"
        ]
    );
    assert_eq!(server.token(), token);
}

#[tokio::test]
async fn the_rows_are_those_of_a_fresh_install() {
    let (used, fresh) = (Server::demo(), Server::fresh());
    assert_eq!(used.reset().await.status, 200);
    for table in user_tables(&fresh).await {
        assert_eq!(
            used.count(&table).await,
            fresh.count(&table).await,
            "{table}"
        );
    }
    let roles = "SELECT account_id, actor, role FROM account_roles ORDER BY actor";
    let roles: Vec<(String, String, String)> = sqlx::query_as(roles)
        .fetch_all(&mut used.database().await)
        .await
        .unwrap();
    let account = "00000000-0000-0000-0000-000000000000".to_owned();
    let role = |actor: &str| (account.clone(), actor.to_owned(), "admin".to_owned());
    assert_eq!(roles, [role("dashboard"), role("mcp")]);
    let counters = "SELECT count(*) FROM sqlite_sequence";
    let counters: i64 = sqlx::query_scalar(counters)
        .fetch_one(&mut used.database().await)
        .await
        .unwrap();
    assert_eq!(counters, 0);
}

#[tokio::test]
async fn no_byte_of_what_was_cleared_is_left() {
    let server = Server::quiet_demo().await;
    let canary = "canary-7c1e54";
    let added = server
        .post("/api/targets", json!({ "username": canary }))
        .await;
    assert_eq!(added.status, 201);
    std::fs::write(server.path("media/2026/canary.jpg"), canary).unwrap();
    assert_eq!(server.reset().await.status, 200);
    for (path, content) in contents(server.directory()) {
        let found = content
            .windows(canary.len())
            .any(|window| window == canary.as_bytes());
        assert!(!found, "found in {}", path.display());
    }
}

#[tokio::test]
async fn what_the_watchtower_has_read_goes_and_the_users_folder_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("note.md"), "# A note").unwrap();
    let server = Server::fresh();
    let mut configuration = onboarding("passphrase");
    configuration["content_sources"] = json!({ "sources": [{ "path": folder.path() }] });
    let init = server.request(Method::POST, "/api/settings/init");
    assert_eq!(send(init.json(&configuration)).await.status, 200);
    until(async || server.count("content_nodes").await != 0).await;
    let options = server.get("/api/reset/options").await.json();
    let watchtower = options["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["id"] == "watchtower");
    assert_eq!(
        watchtower.unwrap()["items"][0]["name"],
        json!(folder.path())
    );

    assert_eq!(server.reset().await.status, 200);
    assert_eq!(server.count("content_nodes").await, 0);
    assert!(folder.path().join("note.md").exists());
    // A watcher that still ran would have read this by the time that two resets are over.
    std::fs::write(folder.path().join("later.md"), "# Later").unwrap();
    assert_eq!(server.reset().await.json()["cleared"]["rows_deleted"], 3);
    assert_eq!(server.count("content_nodes").await, 0);
}
