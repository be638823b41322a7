//! References between tables, as callers meet them: what would break, what goes along, what
//! is kept.

use axum::http::StatusCode;
use factory_reset::{Engine, KeptRows};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::fixture::Host;
use crate::http_client::post;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT NOT NULL);
    CREATE TABLE stories (
        id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES users (id));
    CREATE TABLE chapters (
        id INTEGER PRIMARY KEY, story INTEGER NOT NULL REFERENCES stories (id));
";

async fn host() -> (Host, Engine) {
    let options = SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Wal);
    let host = Host::with(&[SCHEMA], options).await;
    host.run(
        "INSERT INTO users VALUES (1, 'test'), (2, 'other');
         INSERT INTO stories VALUES (1, 2);
         INSERT INTO chapters VALUES (1, 1), (2, 1);",
    )
    .await;
    let rows = KeptRows::new("test_user", "signs in").rows("users", "username = 'test'");
    let builder = host.builder(&["tables"]).await.keep_rows(rows);
    let engine = builder.build().await.unwrap();
    (host, engine)
}

#[tokio::test]
async fn a_selection_that_would_break_a_reference_names_the_tables() {
    let (host, engine) = host().await;
    let body = json!({ "confirm": true, "tables": ["users"] });
    let (status, previewed) = post(&engine, "/reset/preview", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{previewed}");
    let (status, answer) = post(&engine, "/reset/database", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    assert_eq!(answer, previewed);
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains("`stories` refers to `users`"), "{error}");
    assert!(error.contains("set \"cascade\": true"), "{error}");
    assert_eq!(host.number("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn cascade_takes_along_what_refers() {
    let (host, engine) = host().await;
    let body = json!({ "confirm": true, "tables": ["users"], "cascade": true });
    let (status, previewed) = post(&engine, "/reset/preview", &body).await;
    assert_eq!(status, StatusCode::OK, "{previewed}");
    let (status, answer) = post(&engine, "/reset/database", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["message"], "5 rows of 3 tables deleted");
    assert_eq!(answer["report"]["steps"], previewed["steps"]);
    assert_eq!(host.number("SELECT count(*) FROM chapters").await, 0);
}

#[tokio::test]
async fn the_test_user_is_kept_when_that_is_asked_for() {
    let (host, engine) = host().await;
    for call in ["database", "complete"] {
        let body = json!({ "confirm": true, "preserve_test_user": true });
        let (status, answer) = post(&engine, &format!("/reset/{call}"), &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains("1 row kept"), "{message}");
        assert_eq!(host.number("SELECT count(*) FROM users").await, 1);
        assert_eq!(host.number("SELECT count(*) FROM stories").await, 0);
    }
    let body = json!({ "confirm": true, "preserve_test_user": false });
    post(&engine, "/reset/complete", &body).await;
    assert_eq!(host.number("SELECT count(*) FROM users").await, 0);
}
