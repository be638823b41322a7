//! A full disk is a reason to press reset, so a reset must not need room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::Executor;
use tempfile::TempDir;

use crate::history;
use crate::mount::Mount;
use crate::server::{Server, until};
use crate::state::State;

const MEBIBYTE: usize = 1 << 20;

/// A small disk with a data directory on it. Fields are dropped in order.
struct Disk {
    _mount: Mount,
    directory: TempDir,
}

impl Disk {
    fn tmpfs() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let _mount = Mount::tmpfs(&directory.path().join("disk"), "32m");
        Self { _mount, directory }
    }

    fn ext4() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (image, at) = (
            directory.path().join("image"),
            directory.path().join("disk"),
        );
        let _mount = Mount::ext4(&image, &at, 32 * MEBIBYTE as u64);
        Self { _mount, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("disk").join(name)
    }

    async fn server(&self, arguments: &[&str]) -> Server {
        let server = Server::open(&self.path("data"), arguments);
        server
            .bearer(reqwest::Method::POST, "/api/runtime/stop")
            .await;
        server
    }

    /// Fills it to its last block.
    fn fill(&self) {
        fill(&self.path("ballast"));
        // A block that became free when the first file was written out.
        fill(&self.path("rest"));
    }

    fn free(&self) {
        for name in ["ballast", "rest"] {
            fs::remove_file(self.path(name)).unwrap();
        }
    }
}

fn fill(path: &Path) {
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for size in [MEBIBYTE, 4096, 1] {
        while file
            .write_all(&vec![b'x'; size])
            .and_then(|()| file.sync_data())
            .is_ok()
        {}
    }
}

/// A reset of a service on a full disk leads to the factory state.
async fn assert_reset_works(server: &Server) {
    let answer = server.reset().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    State::of(server)
        .await
        .assert_factory(&State::fresh().await);
    until(async || nothing_is_pending(server).await).await;
}

/// With no room put aside for it a reset may be refused; it works once there is room.
async fn assert_reset_works_or_loses_nothing(disk: &Disk, server: &Server) {
    let before = State::of(server).await;
    let answer = server.reset().await;
    if answer.status != 200 {
        assert!(answer.json()["error"].is_string());
        State::of(server).await.assert_same(&before);
        disk.free();
        assert_eq!(server.reset().await.status, 200, "there is room now");
    }
    State::of(server)
        .await
        .assert_factory(&State::fresh().await);
    until(async || nothing_is_pending(server).await).await;
}

async fn nothing_is_pending(server: &Server) -> bool {
    let runs = history::runs(server).await;
    runs.iter().all(|run| run["pending"] == json!([]))
}

#[tokio::test]
async fn a_reset_works_on_a_full_tmpfs() {
    let disk = Disk::tmpfs();
    let server = disk.server(&["--demo"]).await;
    disk.fill();
    assert_reset_works(&server).await;
}

#[tokio::test]
async fn a_reset_works_on_a_full_ext4() {
    let disk = Disk::ext4();
    let server = disk.server(&["--demo"]).await;
    disk.fill();
    assert_reset_works(&server).await;
}

#[tokio::test]
async fn a_reset_of_a_large_database_works_on_a_full_disk() {
    let disk = Disk::ext4();
    let server = disk.server(&["--demo", "--demo-rows", "20000"]).await;
    let mut database = server.database().await;
    database
        .execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .await
        .unwrap();
    let size = server.path("tuitbot.db").metadata().unwrap().len();
    assert!(size > 5 * MEBIBYTE as u64, "{size}");
    disk.fill();
    assert_reset_works(&server).await;
}

#[tokio::test]
async fn a_reset_without_any_room_works_or_loses_nothing_until_there_is_room() {
    let disk = Disk::ext4();
    let mut server = disk.server(&["--demo"]).await;
    server.kill();
    // Not even the room that was put aside is there.
    let _ = fs::remove_file(disk.path("data/.factory-reset/reserve"));
    disk.fill();
    let server = disk.server(&[]).await;
    assert_reset_works_or_loses_nothing(&disk, &server).await;
}

#[tokio::test]
async fn a_service_in_its_factory_state_starts_again_on_a_full_disk() {
    let disk = Disk::ext4();
    let mut server = disk.server(&["--demo"]).await;
    disk.fill();
    assert_reset_works(&server).await;
    disk.fill();
    server.kill();
    let server = disk.server(&[]).await;
    assert_reset_works_or_loses_nothing(&disk, &server).await;
}
