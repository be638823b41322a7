//! The everyday calls.

use reqwest::Method;
use serde_json::{Value, json};

use crate::host::Host;
use crate::server::{Server, send};

async fn story(server: &Server, token: &str) -> String {
    let body = json!({ "title": "Über <Brücken> & 橋", "summary": null });
    let created = server.post("/api/stories", token, body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    format!("/api/stories/{}", created.json()["id"])
}

#[tokio::test]
async fn a_story_is_written_discussed_and_published() {
    let server = Host::new().demo().start();
    let (writer, reader) = (server.token("writer").await, server.token("test").await);
    let noted = server.count("audit_log").await;
    let path = story(&server, &writer).await;
    for number in 1..=2 {
        let body = json!({ "title": "Kapitel", "body": "one two <three>" });
        let chapter = server
            .post(&format!("{path}/chapters"), &writer, body)
            .await;
        assert_eq!(chapter.status, 201);
        assert_eq!(chapter.json()["number"], number);
    }
    let comments = format!("{path}/comments");
    let comment = server
        .post(&comments, &reader, json!({ "text": "😭" }))
        .await;
    let parent = comment.json()["id"].clone();
    let answer = json!({ "text": "!", "parent_id": parent });
    assert_eq!(server.post(&comments, &writer, answer).await.status, 201);

    let whole = server.get(&path, &reader).await.json();
    assert_eq!(whole["title"], "Über <Brücken> & 橋");
    assert_eq!(whole["author"], "writer");
    assert_eq!(whole["status"], "draft");
    assert_eq!(whole["chapters"][1]["word_count"], 3);
    assert_eq!(whole["comments"][1]["parent_id"], parent);

    let published = server
        .post(&format!("{path}/publish"), &writer, json!({}))
        .await;
    assert_eq!(published.status, 200);
    let file = published.json()["file"].as_str().unwrap().to_owned();
    let page = std::fs::read_to_string(server.path(&file)).unwrap();
    assert!(page.contains("<h1>Über &lt;Brücken&gt; &amp; 橋</h1>"));
    let whole = server.get(&path, &reader).await.json();
    assert_eq!(whole["status"], "published");
    let list = server.get("/api/stories", &reader).await;
    assert!(list.text.contains("橋"));
    // The sign-ins came before.
    assert_eq!(server.count("audit_log").await, noted + 6);
}

#[tokio::test]
async fn a_story_is_changed_by_its_author_and_by_administrators() {
    let server = Host::new().demo().start();
    let path = story(&server, &server.token("writer").await).await;
    let chapter = json!({ "title": "t", "body": "b" });
    for (username, status) in [("test", 403), ("writer", 201), ("admin", 201)] {
        let token = server.token(username).await;
        let chapters = format!("{path}/chapters");
        let answer = server.post(&chapters, &token, chapter.clone()).await;
        assert_eq!(answer.status, status, "{username}");
    }
    let token = server.token("test").await;
    let publish = format!("{path}/publish");
    assert_eq!(server.post(&publish, &token, json!({})).await.status, 403);
    let comments = "/api/stories/1/comments";
    let elsewhere = json!({ "text": "t", "parent_id": 96 });
    let answer = server.post(comments, &token, elsewhere).await;
    answer.refuses(400, "`parent_id`: this story has no comment 96");
}

#[tokio::test]
async fn a_report_is_a_row_and_a_file() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    // Folders are made when they are needed.
    std::fs::remove_dir_all(server.path("reports")).unwrap();
    let body = json!({ "name": "now" });
    let report = server.post("/api/reports", &token, body.clone()).await;
    assert_eq!(report.status, 201);
    assert_eq!(report.json()["figures"]["users"], 3);
    let file = std::fs::read_to_string(server.path("reports/now.json")).unwrap();
    let figures: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(figures, report.json()["figures"]);
    let again = server.post("/api/reports", &token, body).await;
    again.refuses(409, "there is a report `now` already");
    for name in ["", ".", "..", "../x", "a/b", "ä", ".hidden"] {
        let answer = server.post("/api/reports", &token, json!({ "name": name }));
        assert_eq!(answer.await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn a_body_is_what_the_call_takes_and_nothing_else() {
    let server = Host::new().demo().start();
    let token = server.token("writer").await;
    let post = || {
        server
            .request(Method::POST, "/api/stories")
            .bearer_auth(&token)
    };
    let stories = server.count("stories").await;
    for (body, error) in [
        ("", "the body is not valid JSON"),
        ("{", "the body is not valid JSON"),
        ("[]", "the body is not a JSON object"),
        ("{}", "missing field `title`"),
        (
            r#"{"title": "t", "colour": 1}"#,
            "colour: unknown field `colour`, expected `title` or `summary`",
        ),
        (
            r#"{"title": ""}"#,
            "title: expected 1 to 200 characters, without NUL",
        ),
        (
            r#"{"title": "a\u0000"}"#,
            "title: expected 1 to 200 characters, without NUL",
        ),
    ] {
        let request = post().header("content-type", "application/json");
        send(request.body(body)).await.refuses(400, error);
    }
    let untyped = send(post().body("{}")).await;
    untyped.refuses(415, "expected a body of content type `application/json`");
    let large = json!({ "title": "x".repeat(2 << 20) });
    let large = send(post().json(&large)).await;
    large.refuses(413, "request body too large");
    assert_eq!(server.count("stories").await, stories);
}

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let server = Host::new().demo().start();
    let token = server.token("test").await;
    let no_story = "there is no such story";
    server
        .get("/api/stories/4711", &token)
        .await
        .refuses(404, no_story);
    for path in [
        "/nothing",
        "/api/nothing",
        "/api/stories/x",
        "/api/stories/1/x",
    ] {
        server.get(path, &token).await.refuses(404, "no such route");
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/api/stories", "GET,HEAD,POST"),
        (Method::GET, "/api/auth/token", "POST"),
        (Method::POST, "/api/health", "GET,HEAD"),
    ] {
        let answer = send(server.request(method, path).bearer_auth(&token)).await;
        answer.refuses(405, "method not allowed");
        assert_eq!(answer.headers["allow"], allowed);
    }
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_not_missed() {
    // Port 1: nobody listens there.
    let server = Host::new().redis("redis://127.0.0.1:1/").demo().start();
    let token = server.token("writer").await;
    let path = story(&server, &token).await;
    let (comments, comment) = (format!("{path}/comments"), json!({ "text": "t" }));
    let answer = server.post(&comments, &token, comment);
    assert_eq!(answer.await.status, 201);
    assert_eq!(server.get(&path, &token).await.status, 200);
}
