//! What cannot be removed is told before anything is touched.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::history;
use crate::mount::{Mount, run};
use crate::server::Server;
use crate::state::State;

/// An attribute that forbids removal, taken away when dropped.
pub(crate) struct Attribute {
    path: PathBuf,
    letter: char,
}

impl Attribute {
    pub(crate) fn set(path: PathBuf, letter: char) -> Self {
        run("chattr", &[&format!("+{letter}"), path.to_str().unwrap()]);
        Self { path, letter }
    }
}

impl Drop for Attribute {
    fn drop(&mut self) {
        let remove = format!("-{}", self.letter);
        let _ = Command::new("chattr").arg(remove).arg(&self.path).status();
    }
}

/// While `obstacle` is there, a reset is refused that names `name`, and nothing changes; then
/// it works.
async fn assert_refused_while<Obstacle>(
    server: &Server,
    name: &str,
    obstacle: impl FnOnce() -> Obstacle,
) {
    let before = State::of(server).await;
    let obstacle = obstacle();
    let answer = server.reset().await;
    assert_eq!(answer.status, 409, "`{name}`: {}", answer.text);
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(&format!("`{name}`")), "`{name}`: {error}");
    for (method, path) in [(Method::POST, "preview"), (Method::GET, "options")] {
        let told = server.bearer(method, &format!("/api/reset/{path}")).await;
        assert_eq!(told.status, 200);
        assert_names(&told.json()["blockers"], name);
    }
    let own = fs::read_dir(server.path(".factory-reset")).unwrap();
    let own = own.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(own.filter(|name| name.starts_with("journal")).count(), 0);
    let run = &history::runs(server).await[0];
    let told = run["error"].as_str().unwrap();
    assert_eq!(run["outcome"], "refused");
    assert!(told.contains(&format!("`{name}`")), "{run}");
    drop(obstacle);
    State::of(server).await.assert_same(&before);
    let preview = server
        .bearer(Method::POST, "/api/reset/preview")
        .await
        .json();
    assert_eq!(preview["blockers"], json!([]));
}

#[track_caller]
fn assert_names(blockers: &Value, name: &str) {
    let blockers = blockers.as_array().unwrap();
    let mut blockers = blockers.iter();
    let found = blockers.find(|blocker| blocker["name"] == name);
    let found = found.unwrap_or_else(|| panic!("`{name}` is not among the blockers"));
    assert_eq!(found["kind"], "path");
    assert!(!found["reason"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn an_immutable_or_append_only_item_is_refused_by_its_name() {
    let server = Server::quiet_demo().await;
    fs::create_dir(server.path("media/sub")).unwrap();
    fs::write(server.path("media/sub/file.jpg"), "file").unwrap();
    for name in [
        "media/sub/file.jpg",
        "media/sub",
        "media",
        "config.toml",
        "tuitbot.db",
    ] {
        for letter in ['i', 'a'] {
            assert_refused_while(&server, name, || Attribute::set(server.path(name), letter)).await;
        }
    }
    assert_eq!(server.reset().await.status, 200);
    State::of(&server)
        .await
        .assert_factory(&State::fresh().await);
}

#[tokio::test]
async fn a_mount_in_or_at_media_is_refused_by_its_name() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("mine"), "mine").unwrap();
    let server = Server::quiet_demo().await;
    fs::create_dir(server.path("media/sub")).unwrap();
    for name in ["media/sub", "media"] {
        let at = server.path(name);
        assert_refused_while(&server, name, || Mount::bind(outside.path(), &at)).await;
        assert_refused_while(&server, name, || Mount::read_only(outside.path(), &at)).await;
        assert_refused_while(&server, name, || Mount::tmpfs(&at, "1m")).await;
    }
    assert_eq!(server.reset().await.status, 200);
    assert_eq!(
        fs::read_to_string(outside.path().join("mine")).unwrap(),
        "mine"
    );
}

#[tokio::test]
async fn what_runs_is_not_even_stopped_for_a_reset_that_is_refused() {
    let server = Server::demo();
    let file = server.path("media/file.jpg");
    fs::write(&file, "file").unwrap();
    let obstacle = Attribute::set(file, 'i');
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let watch = async {
        let mut stopped = stopped;
        while stopped.try_recv().is_err() {
            let runtime = server.get("/api/runtime/status").await;
            runtime.is(200, json!({ "running": true, "task_count": 3 }));
        }
    };
    let resets = async {
        for _ in 0..20 {
            assert_eq!(server.reset().await.status, 409);
        }
        stop.send(()).unwrap();
    };
    futures::future::join(watch, resets).await;
    drop(obstacle);
    assert_eq!(server.reset().await.status, 200);
}

#[tokio::test]
async fn what_is_preserved_may_be_as_immovable_as_it_likes() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("copy"), "safe").unwrap();
    let server = Server::quiet_demo().await;
    let _token = Attribute::set(server.path("api_token"), 'i');
    let _mount = Mount::read_only(outside.path(), &server.path("backups"));
    assert_eq!(server.reset().await.status, 200);
    assert!(server.path("backups/copy").exists() && server.path("api_token").exists());
}

#[tokio::test]
async fn a_file_without_write_permission_is_no_obstacle() {
    let (_directory, server) = unprivileged().await;
    let file = server.path("media/file.jpg");
    fs::write(&file, "file").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    assert_eq!(server.reset().await.status, 200);
    State::of(&server)
        .await
        .assert_factory(&State::fresh().await);
}

/// The user and the group `nobody`, as Debian numbers them.
const NOBODY: u32 = 65534;

/// A server without any privilege: for root every permission test is meaningless.
async fn unprivileged() -> (TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    // The program may lie where nobody else can reach it.
    let program = directory.path().join("tuitbot");
    fs::copy(env!("CARGO_BIN_EXE_tuitbot"), &program).unwrap();
    let data = directory.path().join("data");
    make(&data, 0o700, NOBODY);
    let command = Server::command(&data, &["--demo"]);
    let mut unprivileged = Command::new("setpriv");
    unprivileged
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .args(command.get_args());
    let server = Server::run(unprivileged, &data);
    let stopped = server.bearer(Method::POST, "/api/runtime/stop").await;
    assert_eq!(stopped.status, 200);
    (directory, server)
}

/// Makes a directory with a file in it.
fn make(path: &Path, mode: u32, owner: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
}

/// A directory as [`make`] makes it with a file in it, gone when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(path: PathBuf, mode: u32, owner: u32, owner_of_file: u32) -> Self {
        make(&path, mode, owner);
        let file = path.join("file.jpg");
        fs::write(&file, "file").unwrap();
        chown(&file, Some(owner_of_file), Some(owner_of_file)).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_directory_that_a_service_without_privileges_cannot_empty_is_refused_by_its_name() {
    let (_directory, server) = unprivileged().await;
    let path = server.path("media/sub");
    // Somebody else's; our own, closed; one of which we may not even list the content.
    for (mode, owner) in [(0o755, 0), (0o555, NOBODY), (0o700, 0), (0o000, NOBODY)] {
        let directory = || Directory::new(path.clone(), mode, owner, NOBODY);
        assert_refused_while(&server, "media/sub", directory).await;
    }
    assert_eq!(server.reset().await.status, 200);
}

#[tokio::test]
async fn of_a_sticky_directory_only_somebody_elses_file_is_an_obstacle() {
    let (_directory, server) = unprivileged().await;
    let path = server.path("media/sub");
    let sticky = |owner_of_file| Directory::new(path.clone(), 0o1777, 0, owner_of_file);
    assert_refused_while(&server, "media/sub/file.jpg", || sticky(0)).await;
    let own = sticky(NOBODY);
    assert_eq!(server.reset().await.status, 200);
    drop(own);
    State::of(&server)
        .await
        .assert_factory(&State::fresh().await);
}

/// What belongs to root until dropped.
struct OfRoot(PathBuf);

impl OfRoot {
    fn new(path: PathBuf) -> Self {
        chown(&path, Some(0), Some(0)).unwrap();
        Self(path)
    }
}

impl Drop for OfRoot {
    fn drop(&mut self) {
        let _ = chown(&self.0, Some(NOBODY), Some(NOBODY));
    }
}

#[tokio::test]
async fn in_a_sticky_data_directory_somebody_elses_item_is_an_obstacle() {
    let (_directory, server) = unprivileged().await;
    fs::set_permissions(server.directory(), Permissions::from_mode(0o1777)).unwrap();
    let _data = OfRoot::new(server.directory().to_owned());
    for name in ["config.toml", "passphrase_hash", "media"] {
        // The file itself stays readable, so that only its place is what matters.
        fs::set_permissions(server.path(name), Permissions::from_mode(0o777)).unwrap();
        assert_refused_while(&server, name, || OfRoot::new(server.path(name))).await;
    }
    assert_eq!(server.reset().await.status, 200);
}
