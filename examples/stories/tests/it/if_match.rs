//! One resets exactly what one has previewed.

use serde_json::{Value, json};

use crate::install::{Backend, Service, on_each_database};

on_each_database![
    what_has_changed_since_is_not_reset,
    a_preview_and_the_options_fit_what_they_show,
    a_restore_is_bound_to_the_options,
];

async fn previewed(service: &Service, body: &Value) -> String {
    let preview = service.post("preview", body.clone()).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let tag = preview.headers["etag"].to_str().unwrap().to_owned();
    let digest = preview.json()["digest"].as_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{digest}\""));
    tag
}

async fn options(service: &Service) -> String {
    let options = service.get("options").await;
    options.headers["etag"].to_str().unwrap().to_owned()
}

async fn what_has_changed_since_is_not_reset(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true });
    // A row, the content of a row, a file, a key: each by itself.
    let changes: [&str; 4] = ["row", "file", "key", "other row"];
    for change in changes {
        let tags = [previewed(&service, &body).await, options(&service).await];
        match change {
            "row" => {
                let title = json!({ "title": "Late" });
                let story = service
                    .server
                    .post("/api/stories", &service.admin, title)
                    .await;
                assert_eq!(story.status, 201);
            }
            "file" => std::fs::write(service.install.path("stories/late.html"), "late").unwrap(),
            "key" => service.install.set_key("stories:late", "late").await,
            _ => {
                service
                    .install
                    .execute("DELETE FROM story_tags WHERE story_id = 1")
                    .await;
            }
        }
        let before = service.state().await;
        for tag in &tags {
            let answer = service
                .post_with("complete", ("if-match", tag), &body)
                .await;
            assert_eq!(answer.status, 412, "{change}: {}", answer.text);
            assert_eq!(answer.json()["success"], false);
        }
        service.state().await.assert_is(&before);
    }
    let tag = previewed(&service, &body).await;
    let weak = format!("W/{tag}");
    let answer = service
        .post_with("complete", ("if-match", &weak), &body)
        .await;
    assert_eq!(answer.status, 412, "a weak tag never fits");
    let answer = service
        .post_with("complete", ("if-match", &tag), &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["report"]["digest"], tag.trim_matches('"'));
}

async fn a_preview_and_the_options_fit_what_they_show(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["comments"] });
    let tag = previewed(&service, &body).await;
    // What is not selected may change.
    std::fs::write(service.install.path("reports/late.json"), "{}").unwrap();
    let answer = service
        .post_with("database", ("if-match", &tag), &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = json!({ "confirm": true, "directories": ["reports"] });
    let tag = options(&service).await;
    let answer = service.post_with("files", ("if-match", &tag), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = service.post_with("files", ("if-match", &tag), &body).await;
    assert_eq!(answer.status, 412, "{}", answer.text);
    let body = json!({ "confirm": true });
    let tag = format!("\"other\", {}", options(&service).await);
    let answer = service.post_with("cache", ("if-match", &tag), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = service
        .post_with("complete", ("if-match", "*"), &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn a_restore_is_bound_to_the_options(backend: Backend) {
    let service = Service::demo(backend).await;
    let made = service.post("backup", json!({ "name": "one" })).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let tag = options(&service).await;
    std::fs::write(service.install.path("stories/late.html"), "late").unwrap();
    let before = service.state().await;
    let body = json!({ "name": "one", "confirm": true });
    let answer = service
        .post_with("restore", ("if-match", &tag), &body)
        .await;
    assert_eq!(answer.status, 412, "{}", answer.text);
    service.state().await.assert_is(&before);
    let tag = options(&service).await;
    let answer = service
        .post_with("restore", ("if-match", &tag), &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(!service.install.path("stories/late.html").exists());
}
