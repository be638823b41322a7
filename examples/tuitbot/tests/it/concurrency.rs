//! Many at once.

use reqwest::Method;
use serde_json::json;

use crate::server::{Server, send};

#[tokio::test(flavor = "multi_thread")]
async fn of_24_resets_one_runs_at_a_time_and_the_others_are_refused() {
    let server = Server::demo();
    let answers = futures::future::join_all((0..24).map(|_| server.reset())).await;
    let count = |status: u16| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert!(count(200) >= 1);
    assert_eq!(count(200) + count(409), 24);
    for refused in answers.iter().filter(|answer| answer.status == 409) {
        assert!(refused.json()["error"].is_string());
    }
    assert_eq!(
        send(server.request(Method::GET, "/api/health"))
            .await
            .status,
        200
    );
    assert_eq!(server.reset().await.json()["cleared"]["rows_deleted"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_reset_does_not_survive_it() {
    let server = Server::demo();
    let mut accepted = 0;
    let mut held_off = 0;
    for round in 0..10 {
        let writers = (0..8).map(|writer| {
            let name = format!("w{round}-{writer}");
            server.post("/api/targets", json!({ "username": name }))
        });
        let (reset, writes) =
            futures::future::join(server.reset(), futures::future::join_all(writers)).await;
        assert_eq!(reset.status, 200);
        for write in &writes {
            match write.status.as_u16() {
                201 => accepted += 1,
                503 => {
                    assert!(write.headers.contains_key("retry-after"));
                    held_off += 1;
                }
                other => panic!("{other}: {}", write.text),
            }
        }
    }
    assert_eq!(accepted + held_off, 80);
    assert_eq!(server.reset().await.status, 200);
    assert_eq!(server.count("target_accounts").await, 0);
}
