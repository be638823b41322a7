//! A backup brings back what it holds, to the byte, and nothing of what it must not hold.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use fault_sweeps::State;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::install::{Backend, Service, on_each_database};
use crate::server::{TABLES, send};

on_each_database![
    a_complete_reset_is_made_good_by_a_restore,
    a_restore_takes_away_what_came_later,
    only_what_is_included_is_kept_and_put_back,
    no_signing_key_and_no_session_is_in_a_bundle_even_if_it_is_asked_for,
    a_damaged_bundle_is_refused_and_changes_nothing,
    a_backup_that_fails_keeps_the_reset_from_happening,
    a_reset_makes_its_backup_first,
    backups_are_named_listed_and_removed,
];

async fn make(service: &Service, body: Value) -> Value {
    let made = service.post("backup", body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.json()["success"], true);
    made.json()["backup"].clone()
}

/// Restores as whoever signs in now: a restore ends every token.
async fn restore(service: &mut Service, name: &str) {
    if service.get("options").await.status == 401 {
        service.admin = service.server.token("admin").await;
    }
    let body = json!({ "name": name, "confirm": true });
    let done = service.post("restore", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = done.json();
    assert_eq!(done["success"], true);
    let message = done["message"].as_str().unwrap();
    let expected = format!("the backup `{name}` is restored: ");
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(done["report"]["pending"], json!([]));
}

fn bundle(service: &Service, name: &str) -> PathBuf {
    service.install.path(&format!("backups/{name}.tar.zst"))
}

/// What is in a bundle, unpacked.
fn content(service: &Service, name: &str) -> Vec<u8> {
    zstd::decode_all(fs::File::open(bundle(service, name)).unwrap()).unwrap()
}

fn contains(content: &[u8], secret: &[u8]) -> bool {
    assert!(secret.len() > 10);
    content.windows(secret.len()).any(|part| part == secret)
}

/// What backups are of: a cache is made anew, and what must not be restored is not.
fn kept(state: State) -> State {
    state
        .without_rows("redis")
        .without_rows("sessions")
        .without_rows("public.sessions")
        .without_content("jwt_secret")
}

/// Modes and contents that a copy would easily get wrong.
fn add_odd_files(service: &Service) {
    let path = |name: &str| service.install.path(name);
    fs::write(path("reports/empty.json"), "").unwrap();
    fs::write(path("reports/月 \"é\\ .json"), [0, 255, 10]).unwrap();
    fs::create_dir_all(path("stories/a/b/empty")).unwrap();
    for (name, mode) in [
        ("reports/empty.json", 0o400),
        ("stories/1.html", 0o640),
        ("stories/a/b", 0o700),
    ] {
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

async fn a_complete_reset_is_made_good_by_a_restore(backend: Backend) {
    let mut service = Service::demo(backend).await;
    add_odd_files(&service);
    let before = kept(service.state().await);
    let backup = make(&service, json!({ "name": "before-demo" })).await;
    let rows: u64 = service.install.counts(&TABLES).await.values().sum();
    let contents = backup["contents"].as_array().unwrap();
    let tables = contents
        .iter()
        .flat_map(|step| step["tables"].as_array().unwrap());
    let saved: u64 = tables.map(|table| table["rows"].as_u64().unwrap()).sum();
    assert_eq!(saved + service.install.count("sessions").await, rows);
    kept(service.state().await).assert_is(&before);
    let old = service.admin.clone();

    let done = service.post("complete", json!({ "confirm": true })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    service.set_up().await;
    let body = json!({ "name": "before-demo", "confirm": true });
    let done = service.post("restore", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    kept(service.state().await).assert_is(&before);
    // Whoever has set it up meanwhile is nobody now. The users of before are back, and none of
    // their tokens: these had ended with the reset.
    service.get("options").await.refuses(401, "unauthorized");
    service.admin = old;
    service.get("options").await.refuses(401, "unauthorized");
    assert_eq!(service.install.count("sessions").await, 0);
    service.restart();
    kept(service.state().await).assert_is(&before);
    service.get("options").await.refuses(401, "unauthorized");
    service.admin = service.server.token("admin").await;
    // New rows get numbers that no row has.
    let story = json!({ "title": "Next" });
    let story = service
        .server
        .post("/api/stories", &service.admin, story)
        .await;
    assert_eq!(
        (story.status.as_u16(), &story.json()["id"]),
        (201, &json!(25))
    );
}

async fn a_restore_takes_away_what_came_later(backend: Backend) {
    let mut service = Service::demo(backend).await;
    make(&service, json!({ "name": "one" })).await;
    let before = kept(service.state().await);
    let story = json!({ "title": "Later" });
    let story = service
        .server
        .post("/api/stories", &service.admin, story)
        .await;
    let publish = format!("/api/stories/{}/publish", story.json()["id"]);
    let published = service
        .server
        .post(&publish, &service.admin, json!({}))
        .await;
    assert_eq!(published.status, 200, "{}", published.text);
    fs::remove_file(service.install.path("stories/1.html")).unwrap();
    service
        .install
        .execute("UPDATE stories SET title = 'changed'")
        .await;
    assert_ne!(kept(service.state().await), before);
    restore(&mut service, "one").await;
    kept(service.state().await).assert_is(&before);
    // Twice is as good as once.
    restore(&mut service, "one").await;
    kept(service.state().await).assert_is(&before);
    // What was cached may be of what is gone.
    assert_eq!(service.install.count_keys("stories:").await, 0);
}

async fn only_what_is_included_is_kept_and_put_back(backend: Backend) {
    let mut service = Service::demo(backend).await;
    make(&service, json!({ "name": "rows", "include": ["database"] })).await;
    make(&service, json!({ "name": "files", "include": ["files"] })).await;
    let before = kept(service.state().await);
    let install = &service.install;
    let spoil = async || {
        install.execute("DELETE FROM story_tags").await;
        fs::write(install.path("stories/1.html"), "changed").unwrap();
    };
    spoil().await;
    let spoilt = kept(service.state().await);
    restore(&mut service, "files").await;
    let now = kept(service.state().await);
    assert_eq!(now.tables(), spoilt.tables());
    assert!(now.has_same_files(&before));
    restore(&mut service, "rows").await;
    kept(service.state().await).assert_is(&before);
    service.admin = service.server.token("admin").await;
    for (include, says) in [
        (json!([]), "`include` is empty"),
        (json!(["cache"]), "`include[0]`"),
        (json!("files"), "`include`"),
    ] {
        let body = json!({ "name": "two", "include": include });
        let answer = service.post("backup", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.contains(says), "{}", answer.text);
    }
}

async fn no_signing_key_and_no_session_is_in_a_bundle_even_if_it_is_asked_for(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let secret = fs::read(service.install.path("jwt_secret")).unwrap();
    make(&service, json!({ "name": "all" })).await;
    make(
        &service,
        json!({ "name": "rows", "include": ["database", "files"] }),
    )
    .await;
    make(
        &service,
        json!({ "name": "with", "include": ["database", "files", "config"] }),
    )
    .await;
    let claims = jsonwebtoken::dangerous::insecure_decode_claims::<Value>(&service.admin);
    let session = claims.unwrap()["jti"].as_str().unwrap().to_owned();
    for name in ["all", "rows", "with"] {
        let content = content(&service, name);
        assert!(!contains(&content, &secret), "{name}");
        // The log of who did what names it, and nobody can sign in with that.
        let of_sessions = format!("{session}\t");
        assert!(!contains(&content, of_sessions.as_bytes()), "{name}");
        let mode = bundle(&service, name)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let hash = b"$argon2id$";
    assert!(contains(
        &content(&service, "all"),
        &[hash.as_slice(), b"v="].concat()
    ));

    let answer = service
        .post("backup", json!({ "name": "none", "include": ["config"] }))
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let before = service.state().await;
    restore(&mut service, "with").await;
    kept(service.state().await).assert_is(&kept(before));
    assert_ne!(
        fs::read(service.install.path("jwt_secret")).unwrap(),
        secret
    );
    service.get("options").await.refuses(401, "unauthorized");
    let mode = service
        .install
        .path("jwt_secret")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

async fn a_damaged_bundle_is_refused_and_changes_nothing(backend: Backend) {
    let mut service = Service::demo(backend).await;
    make(&service, json!({ "name": "good" })).await;
    let whole = fs::read(bundle(&service, "good")).unwrap();
    let sum = |bytes: &[u8]| {
        let digits: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{digits}  bad.tar.zst\n")
    };
    let before = service.state().await;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    let foreign = zstd::encode_all(&[7; 4096][..], 3).unwrap();
    let wrong_sum = sum(&whole);
    for (bytes, sum) in [
        (&flipped, sum(&flipped)),
        (&flipped, wrong_sum.clone()),
        (
            &whole[..whole.len() / 2].to_vec(),
            sum(&whole[..whole.len() / 2]),
        ),
        (&longer, wrong_sum.clone()),
        (&whole, "0".repeat(64) + "  bad.tar.zst\n"),
        (&foreign, sum(&foreign)),
        (&Vec::new(), sum(&[])),
    ] {
        let file = bundle(&service, "bad");
        fs::write(&file, bytes).unwrap();
        fs::write(file.with_file_name("bad.tar.zst.sha256"), sum).unwrap();
        let answer = service
            .post("restore", json!({ "name": "bad", "confirm": true }))
            .await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains("`bad`"), "{error}");
        service.state().await.assert_is(&before);
        let listed = service.get("backups").await;
        assert_eq!(listed.status, 200, "{}", listed.text);
    }
    restore(&mut service, "good").await;
}

async fn a_backup_that_fails_keeps_the_reset_from_happening(backend: Backend) {
    let service = Service::demo(backend).await;
    make(&service, json!({ "name": "taken" })).await;
    let before = service.state().await;
    for (call, body) in [
        ("complete", json!({ "confirm": true, "backup": "taken" })),
        ("database", json!({ "confirm": true, "backup": "taken" })),
        ("files", json!({ "confirm": true, "backup": "taken" })),
    ] {
        let answer = service.post(call, body).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
        assert!(answer.text.contains("`taken`"), "{}", answer.text);
        service.state().await.assert_is(&before);
    }
    // There is no place for it.
    fs::remove_dir_all(service.install.path("backups")).unwrap();
    fs::write(service.install.path("backups"), "no directory").unwrap();
    let body = json!({ "confirm": true, "backup": "one" });
    let answer = service.post("complete", body).await;
    assert!(
        [409, 500].contains(&answer.status.as_u16()),
        "{}",
        answer.text
    );
    assert_eq!(answer.json()["success"], false);
    service.state().await.assert_is(&before);
    assert_eq!(service.get("options").await.status, 200);
}

async fn a_reset_makes_its_backup_first(backend: Backend) {
    let mut service = Service::demo(backend).await;
    let before = kept(service.state().await);
    let body = json!({ "confirm": true, "backup": "first.of_all-1" });
    let done = service.post("complete", body).await;
    assert_eq!(done.status, 200, "{}", done.text);
    service.set_up().await;
    restore(&mut service, "first.of_all-1").await;
    kept(service.state().await).assert_is(&before);
}

async fn backups_are_named_listed_and_removed(backend: Backend) {
    let service = Service::demo(backend).await;
    assert_eq!(
        service.get("backups").await.json(),
        json!({ "backups": [] })
    );
    for name in ["", "a/b", "a b", "ä", "a\u{0}", &"x".repeat(65)] {
        let answer = service.post("backup", json!({ "name": name })).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text);
    }
    let longest = "x".repeat(64);
    for name in ["before-demo", "1", &longest] {
        make(&service, json!({ "name": name })).await;
        let answer = service.post("backup", json!({ "name": name })).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
    }
    let listed = service.get("backups").await.json();
    let listed = listed["backups"].as_array().unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|backup| backup["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, [longest.as_str(), "1", "before-demo"]);
    for backup in listed {
        let file = fs::read(bundle(&service, backup["name"].as_str().unwrap())).unwrap();
        assert_eq!(backup["bytes"], file.len());
        let sum: String = Sha256::digest(&file)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(backup["sha256"], sum);
        let _: jiff::Timestamp = backup["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(backup["contents"].as_array().unwrap().len(), 2);
    }
    let path = "/api/reset/backups/1";
    let remove = || {
        service
            .server
            .request(Method::DELETE, path)
            .bearer_auth(&service.admin)
    };
    assert_eq!(send(remove()).await.status, 200);
    assert_eq!(send(remove()).await.status, 404);
    assert!(!bundle(&service, "1").exists());
    let left = service.get("backups").await.json()["backups"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(left, 2);
}
