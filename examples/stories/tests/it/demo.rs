//! What `--demo` writes, and when it does not.

use std::path::Path;

use sqlx::{AssertSqlSafe, Row};

use crate::host::Host;
use crate::server::TABLES;

fn files(directory: &Path) -> usize {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            _ => 1,
        })
        .sum()
}

#[tokio::test]
async fn every_table_holds_rows_and_every_reference_is_used() {
    let server = Host::new().demo().start();
    let mut database = server.database().await;
    let mut references = 0;
    for table in TABLES {
        assert!(server.count(table).await > 0, "{table}");
        let keys = sqlx::query(AssertSqlSafe(format!("PRAGMA foreign_key_list({table})")));
        for key in keys.fetch_all(&mut database).await.unwrap() {
            let column: &str = key.get("from");
            let sql = format!("SELECT count({column}) FROM {table}");
            assert!(server.number(&sql).await > 0, "{table}.{column}");
            references += 1;
        }
    }
    assert_eq!(references, 14);
    let broken = sqlx::query("PRAGMA foreign_key_check");
    assert!(broken.fetch_all(&mut database).await.unwrap().is_empty());
}

#[tokio::test]
async fn there_is_something_of_every_kind() {
    let server = Host::new().demo().start();
    for sql in [
        "SELECT count(*) FROM stories WHERE summary IS NULL",
        "SELECT count(*) FROM stories WHERE cover IS NULL",
        "SELECT count(*) FROM stories WHERE instr(cover, x'00') > 0",
        "SELECT count(*) FROM stories WHERE title LIKE '%月%'",
        "SELECT count(*) FROM chapters WHERE word_count > 1",
        "SELECT count(*) FROM audit_log WHERE user_id IS NULL AND detail IS NULL",
    ] {
        assert!(server.number(sql).await > 0, "{sql}");
    }
    let own = server
        .number(
            "SELECT count(*) FROM users JOIN stories ON stories.id = featured_story_id
             WHERE username = 'test' AND author_id = users.id AND invited_by IS NULL",
        )
        .await;
    assert_eq!(own, 1);
    for folder in ["reports", "stories"] {
        assert_eq!(files(&server.path(folder)), 24, "{folder}");
    }
    assert!(server.path("reports/2026").is_dir());
    assert!(!server.path("setup_token").exists());
    for username in ["admin", "test", "writer"] {
        server.token(username).await;
    }
}

#[tokio::test]
async fn a_service_in_use_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Host::at(directory.path()).start();
    assert_eq!(server.set_up(&server.setup_token()).await.status, 201);
    server.stop();
    let mut server = Host::at(directory.path()).demo().start();
    assert_eq!(server.count("users").await, 1);
    assert_eq!(server.count("stories").await, 0);
    assert_eq!(files(&server.path("reports")), 0);
    server.stop();

    // Nobody is left, but what he has made is.
    server
        .execute("DELETE FROM sessions; DELETE FROM audit_log; DELETE FROM users")
        .await;
    std::fs::write(server.path("reports/mine.json"), "{}").unwrap();
    let server = Host::at(directory.path()).demo().start();
    assert_eq!(server.count("users").await, 0);
    assert_eq!(files(&server.path("reports")), 1);
}
