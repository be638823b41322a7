//! One reset at a time, and one process for each data directory.

use serde_json::json;
use sqlx::Connection;

use crate::server::{Server, until};

#[tokio::test]
async fn a_second_process_is_refused_and_told_which_one_has_the_directory() {
    let server = Server::demo();
    let second = Server::command(server.directory(), &[]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    let pid = server.pid().to_string();
    assert!(message.contains(&pid), "{pid} is not named in: {message}");
    assert_eq!(
        server.reset().await.status,
        200,
        "the first one is not disturbed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_20_resets_at_once_one_runs_and_the_others_are_refused_and_remembered() {
    let server = Server::quiet_demo().await;
    // The first one waits for this lock until all the others have come.
    let mut connection = server.database().await;
    let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let first = server.reset();
    let others = async {
        until(async || server.is_held_off().await).await;
        let others = futures::future::join_all((0..19).map(|_| server.reset())).await;
        lock.rollback().await.unwrap();
        others
    };
    let (first, others) = futures::future::join(first, others).await;
    assert_eq!(first.status, 200);
    for other in &others {
        assert_eq!(other.status, 409);
        assert!(
            other.json()["error"]
                .as_str()
                .unwrap()
                .contains("another reset")
        );
    }
    let history = server.get("/api/reset/history").await.json();
    let outcomes = history["runs"].as_array().unwrap().iter();
    let outcomes: Vec<_> = outcomes.map(|run| &run["outcome"]).collect();
    let count = |outcome: &str| outcomes.iter().filter(|it| ***it == json!(outcome)).count();
    assert_eq!((count("completed"), count("refused")), (1, 19));
}
