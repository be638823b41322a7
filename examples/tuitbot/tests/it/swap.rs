//! Whoever swaps a directory for a link during a reset leads it nowhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use reqwest::Method;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::server::{Server, onboarding, send};
use crate::state::tree;

/// Swaps a directory for a link to the outside and back, as fast as it can, until dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    /// The link waits at `aside` when the directory is in its place.
    fn start(directory: PathBuf, aside: PathBuf, outside: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if renameat_with(CWD, &directory, CWD, &aside, RenameFlags::EXCHANGE).is_err() {
                    // The reset has taken one of them.
                    prepare(&directory, &aside, &outside);
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

/// Makes the directory and the link anew. What of it a reset takes in between is made in the
/// next turn.
fn prepare(directory: &Path, aside: &Path, outside: &Path) {
    let _ = fs::create_dir_all(directory.join("2026"));
    let _ = fs::write(directory.join("2026/new.jpg"), "new");
    let _ = fs::remove_dir_all(aside);
    let _ = fs::remove_file(aside);
    let _ = symlink(outside, aside);
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn assert_outside_untouched(swapped: &str) {
    let directory = tempfile::tempdir().unwrap();
    let outside = directory.path().join("outside");
    // The same names as inside: whoever follows the link finds them.
    for name in ["2026/new.jpg", "new.jpg", "2026/2026/new.jpg"] {
        let file = outside.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    let before = tree(&outside);
    let server = Server::open(&directory.path().join("data"), &[]);
    let aside = directory.path().join("aside");
    let swapper = Swapper::start(server.path(swapped), aside, outside.clone());
    let mut resets = 0;
    for _ in 0..30 {
        if server.status().await["configured"] == false {
            let mut unclaimed = onboarding("passphrase");
            // Hashing it would take longer than all the rest.
            unclaimed["claim"].take();
            let init = server.request(Method::POST, "/api/settings/init");
            assert_eq!(send(init.json(&unclaimed)).await.status, 200);
            let target = server
                .post("/api/targets", json!({ "username": "somebody" }))
                .await;
            assert_eq!(target.status, 201);
        }
        let preview = server.bearer(Method::POST, "/api/reset/preview").await;
        let reset = server.reset().await;
        for answer in [&preview, &reset] {
            let is_told = answer.status == 200 || answer.json()["error"].is_string();
            assert!(is_told, "{answer:?}");
        }
        let is_reset = reset.status == 200;
        resets += usize::from(is_reset);
        let is_old = (
            server.path("config.toml").exists(),
            server.count("target_accounts").await == 1,
        );
        assert_eq!(is_old, (!is_reset, !is_reset), "{reset:?}");
        assert!(tree(&outside) == before, "something outside has changed");
    }
    drop(swapper);
    assert!(resets > 0, "none of the resets went through");
    assert_eq!(server.reset().await.status, 200, "and it works in peace");
    assert!(tree(&outside) == before, "something outside has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_that_is_swapped_for_a_link_leads_nowhere() {
    assert_outside_untouched("media").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_media_that_is_swapped_for_a_link_leads_nowhere() {
    assert_outside_untouched("media/2026").await;
}
