//! Whoever is not sure that a request has arrived sends it again, and it is done once.

use serde_json::{Value, json};
use test_servers::{Fault, Postgres, Proxy, Redis};

use crate::install::{Backend, Install, Service, on_each_database};
use crate::server::{Answer, try_send};

on_each_database![
    a_repeat_gets_the_first_answer_and_resets_nothing,
    a_key_belongs_to_one_request,
    repeats_at_the_same_time_are_one_reset,
    a_repeat_of_a_backup_makes_no_other,
    a_refusal_is_repeated_too,
    after_a_complete_reset_a_repeat_of_another_administrator_resets_nothing,
];

async fn keyed(service: &Service, call: &str, key: &str, body: &Value) -> Answer {
    service
        .post_with(call, ("idempotency-key", key), body)
        .await
}

fn is_replayed(answer: &Answer) -> bool {
    answer
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

async fn add_comment(service: &Service) {
    let comment = json!({ "text": "Later" });
    let path = "/api/stories/1/comments";
    let answer = service.server.post(path, &service.admin, comment).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

async fn completed(service: &Service) -> usize {
    let history = service.get("history").await.json();
    let runs = history["runs"].as_array().unwrap().iter();
    runs.filter(|run| run["outcome"] == "completed").count()
}

async fn a_repeat_gets_the_first_answer_and_resets_nothing(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["comments"] });
    let first = keyed(&service, "database", "one", &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert!(!is_replayed(&first));
    add_comment(&service).await;
    for restarts in [false, true] {
        if restarts {
            service.restart();
        }
        let before = service.state().await;
        let again = keyed(&service, "database", "one", &body).await;
        assert!(is_replayed(&again));
        assert_eq!(
            (again.status, again.text),
            (first.status, first.text.clone())
        );
        service.state().await.assert_is(&before);
    }
    assert_eq!(completed(&service).await, 1);
    // Another key is another request.
    let next = keyed(&service, "database", "two", &body).await;
    assert!(!is_replayed(&next));
    assert_eq!(service.install.count("comments").await, 0);
}

async fn a_key_belongs_to_one_request(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["comments"] });
    let first = keyed(&service, "database", "one", &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let before = service.state().await;
    let other = json!({ "confirm": true, "tables": ["audit_log"] });
    for (call, body) in [
        ("database", &other),
        ("complete", &json!({ "confirm": true })),
        ("cache", &json!({ "confirm": true })),
        ("backup", &json!({ "name": "one" })),
    ] {
        let answer = keyed(&service, call, "one", body).await;
        answer.refuses(
            422,
            "this `Idempotency-Key` belongs to another request: choose a new one",
        );
    }
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = keyed(&service, "database", key, &other).await;
        assert_eq!(answer.status, 400, "{key}");
    }
    service.state().await.assert_is(&before);
}

async fn repeats_at_the_same_time_are_one_reset(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["comments", "sessions"] });
    let attempts = (0..6).map(|_| keyed(&service, "database", "one", &body));
    let answers = futures::future::join_all(attempts).await;
    for answer in &answers {
        assert_eq!(
            (answer.status.as_u16(), &answer.text),
            (200, &answers[0].text)
        );
    }
    let first = answers.iter().filter(|answer| !is_replayed(answer));
    assert_eq!(first.count(), 1);
    assert_eq!(completed(&service).await, 1);
}

async fn a_repeat_of_a_backup_makes_no_other(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "name": "one" });
    let first = keyed(&service, "backup", "one", &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = keyed(&service, "backup", "one", &body).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(keyed(&service, "backup", "two", &body).await.status, 409);
}

async fn a_refusal_is_repeated_too(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["tags"] });
    let first = keyed(&service, "database", "one", &body).await;
    assert_eq!(first.status, 422);
    service.install.execute("DELETE FROM story_tags").await;
    let again = keyed(&service, "database", "one", &body).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert!(service.install.count("tags").await > 0);
}

async fn after_a_complete_reset_a_repeat_of_another_administrator_resets_nothing(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let body = json!({ "confirm": true });
    let first = keyed(&service, "complete", "one", &body).await;
    assert_eq!(first.status, 200, "{}", first.text);
    // The one who asked is gone with all the others.
    keyed(&service, "complete", "one", &body)
        .await
        .refuses(401, "unauthorized");
    service.set_up().await;
    let before = service.state().await;
    // It is not known that both are one person: the answer is for the first, and a second reset
    // would clear what has been set up since.
    keyed(&service, "complete", "one", &body).await.refuses(
        422,
        "this `Idempotency-Key` belongs to another request: choose a new one",
    );
    service.state().await.assert_is(&before);
    assert_eq!(completed(&service).await, 1);
}

/// The database has committed, and nobody has been told: not even the host.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_between_commit_and_answer_answers_the_repeat() {
    let proxy = Proxy::to(Postgres::shared().port()).await;
    let database = Postgres::shared().create_database_of(Postgres::CREATOR);
    let line = proxy.url(&database);
    let mut install = Install::over(Some(database), Redis::shared().create_database());
    install.line = Some(line);
    let mut service = install.serve_demo().await;
    let body = json!({ "confirm": true, "tables": ["comments"] });
    proxy.arm(Fault::Held);
    let request = service
        .server
        .request(reqwest::Method::POST, "/api/reset/database");
    let request = request
        .bearer_auth(&service.admin)
        .header("idempotency-key", "one");
    let asking = tokio::spawn(try_send(request.json(&body)));
    proxy.holds().await;
    service.server.kill();
    assert!(asking.await.unwrap().is_none());
    service.server = service.install.host().start();
    assert_eq!(service.install.count("comments").await, 0);
    add_comment(&service).await;
    let before = service.state().await;
    for _ in 0..2 {
        let answer = keyed(&service, "database", "one", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["message"], "96 rows of 1 table deleted");
    }
    service.state().await.assert_is(&before);
    assert_eq!(completed(&service).await, 1);
}
