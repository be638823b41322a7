//! What the contract of the reset service says of its calls: who may make them, what they
//! answer, and that nothing is lost where they refuse.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::install::{Backend, Install, Service, count_files, items, on_each_database};
use crate::server::{Answer, TABLES, send};

on_each_database![
    a_call_needs_an_administrator_who_still_exists,
    nothing_is_reset_without_the_boolean,
    a_body_is_validated_as_a_whole_and_told_what_there_is,
    what_is_not_there_is_not_found,
    a_complete_reset_ends_in_the_factory_state,
    rows_files_and_keys_go_one_by_one,
    the_history_survives_every_reset,
    a_listener_hears_of_every_phase,
    a_second_reset_at_the_same_time_is_a_conflict,
    writers_are_held_off_while_a_reset_runs,
];

/// Every call, with a body that it accepts.
fn calls() -> Vec<(Method, &'static str, Value)> {
    let confirm = json!({ "confirm": true });
    vec![
        (Method::GET, "options", Value::Null),
        (Method::POST, "preview", json!({})),
        (Method::POST, "backup", json!({ "name": "mine" })),
        (Method::GET, "backups", Value::Null),
        (Method::DELETE, "backups/kept", Value::Null),
        (
            Method::POST,
            "restore",
            json!({ "name": "kept", "confirm": true }),
        ),
        (Method::POST, "database", confirm.clone()),
        (Method::POST, "files", confirm.clone()),
        (Method::POST, "cache", confirm.clone()),
        (Method::POST, "complete", confirm),
        (Method::GET, "history", Value::Null),
        (
            Method::GET,
            "history/00000000-0000-0000-0000-000000000000",
            Value::Null,
        ),
        (Method::GET, "events", Value::Null),
    ]
}

/// The calls that ask for a confirmation.
const DESTRUCTIVE: [&str; 5] = ["database", "files", "cache", "complete", "restore"];

const UNCONFIRMED: &str = "confirmation required: set \"confirm\": true";

fn request(service: &Service, method: Method, call: &str, body: &Value) -> RequestBuilder {
    let path = format!("/api/reset/{call}");
    let request = service.server.request(method, &path);
    match body {
        Value::Null => request,
        body => request.json(body),
    }
}

/// The text of a refusal.
fn error(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["success"], false, "{body}");
    body["error"].as_str().unwrap().to_owned()
}

async fn a_call_needs_an_administrator_who_still_exists(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let kept = service.post("backup", json!({ "name": "kept" })).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    let writer = service.server.token("writer").await;
    let before = service.state().await;
    for (method, call, body) in calls() {
        let bare = || request(&service, method.clone(), call, &body);
        send(bare()).await.refuses(401, "unauthorized");
        for header in [
            "",
            "Bearer",
            "Bearer a.b.c",
            "Basic YWRtaW46YWRtaW4tZGVtbw==",
        ] {
            let answer = send(bare().header("authorization", header)).await;
            answer.refuses(401, "unauthorized");
        }
        let answer = send(bare().bearer_auth(&writer)).await;
        answer.refuses(403, "only administrators may do this");
    }
    service.state().await.assert_is(&before);
    assert!(service.install.path("backups/kept.tar.zst").exists());
    assert!(!service.install.path("backups/mine.tar.zst").exists());

    // His token is as good as before, he is not.
    let dead = service.admin.clone();
    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    service.set_up().await;
    let before = service.state().await;
    for token in [&dead, &writer] {
        for (method, call, body) in calls() {
            let answer = send(request(&service, method, call, &body).bearer_auth(token)).await;
            answer.refuses(401, "unauthorized");
        }
    }
    service.state().await.assert_is(&before);
}

async fn nothing_is_reset_without_the_boolean(backend: Backend) {
    let service = Service::demo(backend).await;
    let before = service.state().await;
    for call in DESTRUCTIVE {
        for body in [
            "",
            "{}",
            "null",
            "true",
            "[true]",
            r#"{"confirm": false}"#,
            r#"{"confirm": null}"#,
            r#"{"confirm": 1}"#,
            r#"{"confirm": "true"}"#,
            r#"{"confirm": "yes", "name": "kept"}"#,
            r#"{"Confirm": true}"#,
            r#"{"confirm": false, "confirm": true}"#,
            r#"{"confirm": true"#,
        ] {
            let request = request(&service, Method::POST, call, &Value::Null);
            let request = request.bearer_auth(&service.admin).body(body);
            let answer = send(request.header("content-type", "application/json")).await;
            answer.refuses(400, UNCONFIRMED);
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
    service.state().await.assert_is(&before);
    let history = service.get("history").await.json();
    assert_eq!(history["runs"], json!([]));
}

async fn a_body_is_validated_as_a_whole_and_told_what_there_is(backend: Backend) {
    let service = Service::demo(backend).await;
    let before = service.state().await;
    let mut tables = TABLES;
    tables.sort_unstable();
    let tables = format!("there is: `{}`", tables.join("`, `"));
    let directories = "there is: `reports`, `stories`";
    for (call, body, says) in [
        (
            "database",
            json!({ "table": ["users"] }),
            vec!["unknown field `table`", "`confirm`, `tables`"],
        ),
        (
            "database",
            json!({ "tables": ["stories", "user"] }),
            vec!["there is no table `user`", &tables],
        ),
        (
            "database",
            json!({ "tables": ["_sqlx_migrations"] }),
            vec!["there is no table `_sqlx_migrations`", &tables],
        ),
        (
            "database",
            json!({ "tables": ["_factory_reset"] }),
            vec!["there is no table `_factory_reset`", &tables],
        ),
        (
            "database",
            json!({ "tables": [] }),
            vec!["no table is named", &tables],
        ),
        ("database", json!({ "tables": "users" }), vec!["`tables`"]),
        (
            "database",
            json!({ "preserve_test_user": "yes" }),
            vec!["`preserve_test_user`"],
        ),
        (
            "database",
            json!({ "backup": "../x" }),
            vec!["`../x` is no name of a backup"],
        ),
        (
            "files",
            json!({ "directories": ["reports", "report"] }),
            vec!["there is no directory `report`", directories],
        ),
        (
            "files",
            json!({ "directories": ["backups"] }),
            vec!["there is no directory `backups`", directories],
        ),
        (
            "files",
            json!({ "directories": ["reports/../.."] }),
            vec!["there is no directory", directories],
        ),
        (
            "cache",
            json!({ "prefix": "others:" }),
            vec!["`prefix`", "they begin with: `stories:`"],
        ),
        (
            "cache",
            json!({ "prefix": "" }),
            vec!["`prefix`", "they begin with: `stories:`"],
        ),
        (
            "complete",
            json!({ "steps": ["files"] }),
            vec!["unknown field `steps`"],
        ),
        (
            "complete",
            json!({ "backup": "x".repeat(65) }),
            vec!["is no name of a backup"],
        ),
        ("restore", json!({}), vec!["missing field `name`"]),
        (
            "restore",
            json!({ "name": "kept", "tables": [] }),
            vec!["unknown field `tables`"],
        ),
        (
            "preview",
            json!({ "steps": ["tables", "media"] }),
            vec!["media", "tables"],
        ),
    ] {
        let mut body = body;
        body["confirm"] = json!(true);
        let answer = service.post(call, body.clone()).await;
        assert_eq!(answer.status, 400, "{call} {body}: {}", answer.text);
        let error = error(&answer);
        for says in says {
            assert!(error.contains(says), "{call} {body}: {error}");
        }
    }
    service.state().await.assert_is(&before);
}

async fn what_is_not_there_is_not_found(backend: Backend) {
    let service = Service::demo(backend).await;
    let before = service.state().await;
    let body = json!({ "name": "nothing", "confirm": true });
    let restore = service.post("restore", body).await;
    assert_eq!(restore.status, 404);
    assert!(error(&restore).contains("`nothing`"));
    for (method, call) in [
        (Method::DELETE, "backups/nothing"),
        (Method::GET, "history/nothing"),
        (Method::GET, "history/00000000-0000-0000-0000-000000000000"),
        (Method::GET, "nothing"),
    ] {
        let request = request(&service, method, call, &Value::Null);
        let answer = send(request.bearer_auth(&service.admin)).await;
        assert_eq!(answer.status, 404, "{call}");
        error(&answer);
    }
    service.state().await.assert_is(&before);
}

/// Without what is by chance in every install.
fn comparable(state: fault_sweeps::State) -> fault_sweeps::State {
    state
        .without_rows("_sqlx_migrations")
        .without_content("jwt_secret")
        .without_content("setup_token")
}

async fn a_complete_reset_ends_in_the_factory_state(backend: Backend) {
    let fresh = Install::new(backend);
    let server = fresh.host().start();
    let factory = comparable(fresh.state().await);
    drop(server);

    let mut service = Service::demo(backend).await;
    let preview = service.post("preview", json!({})).await.json();
    let answer = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["success"], true);
    assert_eq!(
        body["message"],
        "374 rows of 10 tables deleted; 49 files deleted; 25 keys deleted"
    );
    let report = &body["report"];
    assert_eq!(report["dry_run"], false);
    assert_eq!(report["actor"], "admin");
    assert_eq!(report["pending"], json!([]));
    for field in ["steps", "cleared", "preserved", "unclaimed", "digest"] {
        assert_eq!(report[field], preview[field], "{field}");
    }
    comparable(service.state().await).assert_is(&factory);
    service.server.stop();
    service.server = service.install.host().start();
    comparable(service.state().await).assert_is(&factory);
}

async fn rows_files_and_keys_go_one_by_one(backend: Backend) {
    let service = Service::demo(backend).await;
    let before = service.state().await;
    let answer = service.post("cache", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["message"], "25 keys deleted");
    let now = service.state().await;
    assert_eq!(now.rows("redis"), [""; 0]);
    assert_eq!(
        now.without_rows("redis"),
        before.clone().without_rows("redis")
    );

    let answer = service.post("files", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["message"], "48 files deleted");
    for directory in ["reports", "stories"] {
        let directory = service.install.path(directory);
        assert!(directory.is_dir() && count_files(&directory) == 0);
    }
    assert_eq!(
        service.state().await.tables(),
        before.without_rows("redis").with("redis", vec![]).tables()
    );

    let answer = service.post("database", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["message"], "374 rows of 10 tables deleted");
    assert_eq!(items(&body["report"], "tables").len(), TABLES.len());
    for table in TABLES {
        assert_eq!(service.install.count(table).await, 0, "{table}");
    }
}

async fn the_history_survives_every_reset(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let tables = json!({ "confirm": true, "tables": ["sessions"] });
    let first = service.post("database", tables).await.json();
    let second = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(second.status, 200, "{}", second.text);
    service.restart();
    service.set_up().await;
    let history = service.get("history").await.json();
    let runs = history["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{history}");
    for (run, answer) in runs.iter().zip([&second.json(), &first]) {
        assert_eq!(run["id"], answer["report"]["run"]);
        assert_eq!(run["actor"], "admin");
        assert_eq!(run["outcome"], "completed");
        assert_eq!(run["recovered"], false);
        let _: jiff::Timestamp = run["started_at"].as_str().unwrap().parse().unwrap();
        assert!(run["duration_ms"].is_u64());
        assert!(run["selection"].is_object());
        let path = format!("history/{}", run["id"].as_str().unwrap());
        let whole = service.get(&path).await;
        assert_eq!(whole.status, 200);
        let whole = whole.json();
        assert_eq!(whole["actor"], "admin");
        for field in ["digest", "cleared", "started_at"] {
            assert_eq!(whole["report"][field], answer["report"][field], "{field}");
        }
    }
    assert_ne!(runs[0]["selection"], runs[1]["selection"]);
}

async fn a_listener_hears_of_every_phase(backend: Backend) {
    let service = Service::demo(backend).await;
    let listening = request(&service, Method::GET, "events", &Value::Null);
    let mut stream = listening.bearer_auth(&service.admin).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let answer = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(answer.status, 200);
    // It goes on to the end, although the listener's own user is gone by then.
    let mut text = String::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        text.push_str(str::from_utf8(&chunk).unwrap());
    }
    let mut kinds: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    kinds.dedup();
    let mut expected = vec!["reset_started", "planned", "drained"];
    // The tables, the files and the signing key.
    expected.extend(["step_started", "step_finished"].repeat(3));
    expected.push("committed");
    expected.extend(["step_started", "step_finished"].repeat(2));
    expected.push("reset_finished");
    assert_eq!(kinds, expected);
    let run = answer.json()["report"]["run"].clone();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    for event in events {
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["run"], run);
    }
}

async fn a_second_reset_at_the_same_time_is_a_conflict(backend: Backend) {
    let service = Service::demo(backend).await;
    let attempts = (0..6).map(|_| service.post("complete", json!({ "confirm": true })));
    let answers = futures::future::join_all(attempts).await;
    let done = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(done.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        // Whoever comes after the commit is nobody any more.
        match answer.status.as_u16() {
            409 => assert!(error(answer).contains("another reset is running")),
            401 => answer.refuses(401, "unauthorized"),
            _ => panic!("{answer:?}"),
        }
    }
}

async fn writers_are_held_off_while_a_reset_runs(backend: Backend) {
    let service = Service::demo(backend).await;
    let writer = service.server.token("writer").await;
    let writing = async {
        let mut statuses = Vec::new();
        loop {
            let body = json!({ "title": "In between" });
            let answer = service.server.post("/api/stories", &writer, body).await;
            statuses.push(answer.status.as_u16());
            match answer.status.as_u16() {
                201 => {}
                503 => assert!(answer.headers.contains_key("retry-after")),
                // He is gone, and so is the token.
                401 => return statuses,
                _ => panic!("{answer:?}"),
            }
        }
    };
    let reset = service.post("complete", json!({ "confirm": true }));
    let (statuses, answer) = futures::join!(writing, reset);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(statuses.last(), Some(&401));
    for table in TABLES {
        assert_eq!(service.install.count(table).await, 0, "{table}");
    }
}
