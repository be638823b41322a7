//! What is chosen goes, and nothing else.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::install::{Backend, Service, count_files, items, on_each_database};
use crate::server::TABLES;

on_each_database![
    counts_are_those_of_what_is_there,
    a_table_that_others_refer_to_is_refused_by_their_names,
    cascade_takes_them_along,
    a_table_that_nobody_refers_to_goes_alone,
    the_test_user_survives_with_what_his_row_needs,
    without_a_test_user_there_is_nobody_to_keep,
    a_directory_is_chosen_by_its_name,
    a_prefix_means_itself_and_no_pattern,
    what_nobody_claims_is_shown_and_left_alone,
];

async fn counts_are_those_of_what_is_there(backend: Backend) {
    let service = Service::demo(backend).await;
    let install = &service.install;
    let rows = install.counts(&TABLES).await;
    let options = service.get("options").await.json();
    let preview = service.post("preview", json!({})).await.json();
    for report in [&options, &preview] {
        assert_eq!(report["dry_run"], true);
        assert_eq!(items(report, "tables"), rows);
        let files = items(report, "files");
        assert_eq!(files.len(), 2);
        for (directory, count) in files {
            assert_eq!(count, count_files(&install.path(&directory)), "{directory}");
        }
        let keys = install.count_keys("stories:").await;
        assert_eq!(items(report, "cache")["stories:"], keys);
        assert_eq!(report["unclaimed"], json!([]));
        assert_eq!(report["blockers"], json!([]));
        let preserved = report["preserved"].as_array().unwrap().iter();
        let names: Vec<_> = preserved
            .map(|entry| entry["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["_sqlx_migrations", "backups", "setup_token"]);
        for step in report["steps"].as_array().unwrap() {
            assert!(!step["label"].as_str().unwrap().is_empty());
            assert!(!step["description"].as_str().unwrap().is_empty());
        }
    }
    let body = json!({ "confirm": true, "tables": ["comments", "tags", "story_tags"] });
    let preview = service.post("preview", body.clone()).await.json();
    let done = service.post("database", body).await.json();
    assert_eq!(done["success"], true, "{done}");
    for field in ["steps", "cleared", "digest"] {
        assert_eq!(done["report"][field], preview[field], "{field}");
    }
    for (table, count) in items(&preview, "tables") {
        assert_eq!(count, rows[&table], "{table}");
        assert_eq!(install.count(&table).await, 0, "{table}");
    }
}

/// Which tables refer to which, without those that refer to themselves.
const REFERENCES: [(&str, &[&str]); 3] = [
    (
        "stories",
        &["chapters", "characters", "comments", "story_tags", "users"],
    ),
    ("tags", &["story_tags"]),
    (
        "users",
        &["audit_log", "comments", "reports", "sessions", "stories"],
    ),
];

async fn a_table_that_others_refer_to_is_refused_by_their_names(backend: Backend) {
    let service = Service::demo(backend).await;
    let before = service.state().await;
    for (table, children) in REFERENCES {
        let children: Vec<_> = children
            .iter()
            .map(|child| format!("`{child}` refers to `{table}`"))
            .collect();
        let expected = format!(
            "tables outside the selection refer to rows that would go: {} (select these tables \
             as well, or set \"cascade\": true)",
            children.join(", ")
        );
        for body in [
            json!({ "confirm": true, "tables": [table] }),
            json!({ "confirm": true, "tables": [table], "cascade": false }),
        ] {
            let answer = service.post("database", body.clone()).await;
            answer.refuses(422, &expected);
            let answer = service.post("preview", body).await;
            answer.refuses(422, &expected);
        }
    }
    service.state().await.assert_is(&before);
}

async fn cascade_takes_them_along(backend: Backend) {
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["tags"], "cascade": true });
    let preview = service.post("preview", body.clone()).await.json();
    let names: Vec<_> = items(&preview, "tables").into_keys().collect();
    assert_eq!(names, ["story_tags", "tags"]);
    let rows = service.install.counts(&TABLES).await;
    let done = service.post("database", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    for table in TABLES {
        let expected = match table {
            "tags" | "story_tags" => 0,
            _ => rows[table],
        };
        assert_eq!(service.install.count(table).await, expected, "{table}");
    }

    // By way of their authors, all but tags.
    let service = Service::demo(backend).await;
    let body = json!({ "confirm": true, "tables": ["users"], "cascade": true });
    let done = service.post("database", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(items(&done.json()["report"], "tables").len(), 9);
    assert_eq!(service.install.count("users").await, 0);
}

async fn a_table_that_nobody_refers_to_goes_alone(backend: Backend) {
    let service = Service::demo(backend).await;
    for table in [
        "audit_log",
        "chapters",
        "characters",
        "comments",
        "sessions",
    ] {
        let mut before = service.state().await;
        let body = json!({ "confirm": true, "tables": [table] });
        let done = service.post("database", body).await;
        assert_eq!(done.status, 200, "{table}: {}", done.text);
        assert_eq!(service.install.count(table).await, 0);
        // Its counter too begins anew, and that is all.
        let mut now = service.state().await;
        for name in [
            table,
            &format!("public.{table}"),
            &format!("public.{table}_id_seq"),
            "sqlite_sequence",
        ] {
            before = before.without_rows(name);
            now = now.without_rows(name);
        }
        now.assert_is(&before);
    }
}

async fn the_test_user_survives_with_what_his_row_needs(backend: Backend) {
    for (call, body) in [
        (
            "database",
            json!({ "confirm": true, "preserve_test_user": true }),
        ),
        (
            "complete",
            json!({ "confirm": true, "preserve_test_user": true }),
        ),
        (
            "database",
            json!({ "confirm": true, "preserve_test_user": true, "tables": ["users", "stories"], "cascade": true }),
        ),
    ] {
        let service = Service::demo(backend).await;
        let install = &service.install;
        let done = service.post(call, body.clone()).await;
        assert_eq!(done.status, 200, "{body}: {}", done.text);
        assert!(
            done.json()["message"]
                .as_str()
                .unwrap()
                .contains("2 rows kept")
        );
        // He, and the story that he shows off, which is his own.
        for table in TABLES {
            let expected = match table {
                "users" | "stories" => 1,
                "tags" if body["tables"].is_array() => 8,
                _ => 0,
            };
            assert_eq!(install.count(table).await, expected, "{call} {table}");
        }
        let whole = "SELECT count(*) FROM users JOIN stories ON stories.id = featured_story_id
             WHERE username = 'test' AND author_id = users.id";
        assert_eq!(install.number(whole).await, 1);
        // There is a user, so nobody is to set the service up.
        assert!(!service.server.path("setup_token").exists());
        let token = service.server.token("test").await;
        let story = service
            .server
            .post("/api/stories", &token, json!({ "title": "Next" }))
            .await;
        assert_eq!(story.status, 201, "{}", story.text);
    }

    // One who was invited, and shows off the story of a third.
    let service = Service::demo(backend).await;
    let install = &service.install;
    install
        .execute(
            "UPDATE users SET invited_by = (SELECT id FROM users WHERE username = 'writer'),
                 featured_story_id =
                     (SELECT min(stories.id) FROM stories JOIN users AS author
                      ON author.id = author_id WHERE author.username = 'admin')
             WHERE username = 'test'",
        )
        .await;
    let body = json!({ "confirm": true, "preserve_test_user": true });
    let preview = service.post("preview", body.clone()).await.json();
    let done = service.post("complete", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["report"]["steps"], preview["steps"]);
    // `test`, `writer` who has invited him, `admin` who has written it and has invited `writer`.
    assert_eq!(install.count("users").await, 3);
    // His, and the one that `writer` shows off.
    assert_eq!(install.count("stories").await, 2);
    service.server.token("test").await;
}

async fn without_a_test_user_there_is_nobody_to_keep(backend: Backend) {
    let service = Service::demo(backend).await;
    service
        .install
        .execute("UPDATE users SET username = 'tester' WHERE username = 'test'")
        .await;
    let body = json!({ "confirm": true, "preserve_test_user": true });
    let done = service.post("complete", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(service.install.count("users").await, 0);
    assert!(service.server.path("setup_token").exists());
}

async fn a_directory_is_chosen_by_its_name(backend: Backend) {
    let service = Service::demo(backend).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("theirs"), "theirs").unwrap();
    symlink(outside.path(), service.install.path("reports/elsewhere")).unwrap();
    let before = service.state().await;
    let body = json!({ "confirm": true, "directories": ["reports"] });
    let preview = service.post("preview", body.clone()).await.json();
    let done = service.post("files", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["report"]["steps"], preview["steps"]);
    assert_eq!(done.json()["message"], "25 files deleted");
    let reports = service.install.path("reports");
    assert!(reports.is_dir());
    assert_eq!(std::fs::read_dir(&reports).unwrap().count(), 0);
    assert!(outside.path().join("theirs").exists());
    let rest = |state: fault_sweeps::State| state.without_files("reports");
    assert_eq!(rest(service.state().await), rest(before));

    let report = service
        .server
        .post("/api/reports", &service.admin, json!({ "name": "next" }))
        .await;
    assert_eq!(report.status, 201, "{}", report.text);
}

async fn a_prefix_means_itself_and_no_pattern(backend: Backend) {
    let service = Service::demo(backend).await;
    let install = &service.install;
    install.set_key("others:page:1", "theirs").await;
    install.set_key("story", "theirs").await;
    install.set_key("xstories:page:1", "theirs").await;
    let keys = async || install.state().await.rows("redis").to_vec();
    for (prefix, count) in [
        ("stories:story:[", 1),
        ("stories:^draft?", 1),
        ("stories:*", 0),
        ("stories:page:1", 11),
        ("stories:story:\\", 1),
    ] {
        let before = keys().await;
        let begins = |key: &String| key.starts_with(prefix);
        assert_eq!(
            before.iter().filter(|key| begins(key)).count(),
            count,
            "{prefix}"
        );
        let body = json!({ "confirm": true, "prefix": prefix });
        let preview = service.post("preview", body.clone()).await.json();
        assert_eq!(items(&preview, "cache")[prefix], count as u64);
        let done = service.post("cache", body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let expected: Vec<String> = before.into_iter().filter(|key| !begins(key)).collect();
        assert_eq!(keys().await, expected, "{prefix}");
    }
    // In another database of the same server the same prefix is somebody else's.
    let other = Service::demo(backend).await;
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let left: Vec<String> = keys().await;
    let left: Vec<&str> = left
        .iter()
        .filter_map(|key| key.split(' ').next())
        .collect();
    assert_eq!(left, ["others:page:1", "story", "xstories:page:1"]);
    assert_eq!(other.install.count_keys("stories:").await, 25);
}

async fn what_nobody_claims_is_shown_and_left_alone(backend: Backend) {
    let service = Service::demo(backend).await;
    std::fs::create_dir(service.install.path("uploads")).unwrap();
    std::fs::write(service.install.path("uploads/mine"), "mine").unwrap();
    let shown = service.get("options").await.json()["unclaimed"].clone();
    let names: Vec<&str> = shown
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["uploads"]);
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(service.install.path("uploads/mine").exists());
}

#[tokio::test]
async fn tables_of_other_schemas_are_left_alone() {
    let service = Service::demo(Backend::Postgres).await;
    service
        .install
        .execute(
            "CREATE SCHEMA others;
             CREATE TABLE others.stories (id int PRIMARY KEY, text text);
             INSERT INTO others.stories VALUES (1, 'theirs');",
        )
        .await;
    let before = service.state().await;
    let options = service.get("options").await.json();
    assert_eq!(items(&options, "tables").len(), TABLES.len());
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let now = service.state().await;
    assert_eq!(now.rows("others.stories"), before.rows("others.stories"));
    assert_eq!(now.rows("public.stories"), [""; 0]);
    let unclaimed = json!([{ "kind": "table", "name": "others.stories" }]);
    assert_eq!(options["unclaimed"], unclaimed);
}
