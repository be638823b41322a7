//! `stories reset`, on a service that does not run, and beside one that does.

use std::process::Output;

use serde_json::Value;

use crate::host::Host;
use crate::install::{Backend, Install, items, on_each_database};
use crate::server::TABLES;

on_each_database![
    a_service_that_runs_is_named_and_asked_by_url,
    a_service_that_does_not_run_is_reset_and_restored,
    the_test_user_is_kept,
];

/// Exit code, stdout and stderr.
fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(output: Output) -> Value {
    let (code, out, err) = told(output);
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap()
}

/// A service that has been used, and does not run.
async fn stopped(backend: Backend) -> Install {
    let mut service = Install::new(backend).serve_demo().await;
    service.server.stop();
    service.install
}

async fn a_service_that_runs_is_named_and_asked_by_url(backend: Backend) {
    let service = Install::new(backend).serve_demo().await;
    let host = service.install.host();
    let (code, _, err) = told(host.reset(&["options"]));
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("(`stories`)"), "{err}");

    let url = service.server.url("/api/reset");
    let asked = ["--url", &url, "--token", &service.admin];
    let remote = json(host.reset(&[&asked[..], &["options", "--json"]].concat()));
    let answer = service.get("options").await.json();
    assert_eq!(remote["steps"], answer["steps"]);
    assert_eq!(remote["keep"], answer["keep"]);

    // The reset ends the session that asked for it; what came of it is told all the same.
    let run = ["run", "--confirm", "stories", "--json"];
    let done = json(host.reset(&[&asked[..], &run].concat()));
    assert_eq!(
        done["report"]["steps"].as_array().unwrap().len(),
        answer["steps"].as_array().unwrap().len()
    );
    assert_eq!(service.install.count("users").await, 0);
    let (code, _, err) = told(host.reset(&[&asked[..], &["options"]].concat()));
    assert_eq!(code, Some(5), "{err}");
}

async fn a_service_that_does_not_run_is_reset_and_restored(backend: Backend) {
    let install = stopped(backend).await;
    let host = install.host();
    let before = install.counts(&TABLES).await;
    let options = json(host.reset(&["options", "--json"]));
    assert_eq!(items(&options, "tables"), before);
    let (code, out, err) = told(host.reset(&["run"]));
    assert_eq!(code, Some(3), "{err}");
    // What it would work on, without a password.
    if let Some(database) = &install.database {
        assert!(out.contains("Database        postgres://"), "{out}");
        assert!(!out.contains(&database.url), "{out}");
    } else {
        assert!(out.contains("stories.db"), "{out}");
    }
    assert!(err.contains("--confirm \"stories\""), "{err}");
    assert_eq!(install.counts(&TABLES).await, before);

    let run = [
        "run",
        "--backup",
        "before",
        "--confirm",
        "stories",
        "--json",
    ];
    let done = json(host.reset(&run));
    assert_eq!(items(&done["report"], "tables"), before);
    for (table, rows) in install.counts(&TABLES).await {
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(install.count_keys("stories:").await, 0);
    json(host.reset(&["restore", "before", "--confirm", "stories", "--json"]));
    let mut restored = before;
    restored.insert("sessions".to_owned(), 0);
    assert_eq!(install.counts(&TABLES).await, restored);
}

async fn the_test_user_is_kept(backend: Backend) {
    let install = stopped(backend).await;
    let run = ["run", "--keep", "test_user", "--confirm", "stories"];
    let (code, out, err) = told(install.host().reset(&run));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("(1 row stays)"), "{out}");
    assert_eq!(install.count("users").await, 1);
}

#[test]
fn a_folder_without_a_service_is_named_and_not_made() {
    let owned = tempfile::tempdir().unwrap();
    let directory = owned.path().join("nowhere");
    let (code, _, err) = told(Host::at(&directory).reset(&["run", "--confirm", "stories"]));
    assert_eq!(code, Some(5), "{err}");
    assert!(
        err.starts_with("error: `--data-dir") && err.contains("nowhere"),
        "{err}"
    );
    assert!(!directory.exists());
}
