//! Only claimed paths inside the data directory are touched, and links are never followed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use factory_reset::{Engine, NothingUnclaimed, ResetError, Selection, StepRegistration, chain};
use tempfile::TempDir;

use crate::fixture::{everything, only, own, step, tree};
use crate::steps::paths;

/// A data directory without a database; beside it, something that must never be touched.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        files.write("outside/kept", "kept");
        fs::create_dir(files.data()).unwrap();
        files
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.directory.path().join("outside")
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn engine(&self, claims: &'static [&'static str]) -> Engine {
        self.engine_with(paths("paths", claims)).await
    }

    async fn engine_with(&self, step: StepRegistration) -> Engine {
        only(&[])
            .data_dir(self.data())
            .step(step)
            .build()
            .await
            .unwrap()
    }

    pub(crate) fn assert_outside_is_untouched(&self) {
        assert_eq!(
            fs::read_to_string(self.outside().join("kept")).unwrap(),
            "kept"
        );
    }
}

fn unclaimed(plan: &factory_reset::ResetPlan) -> Vec<&str> {
    plan.unclaimed()
        .iter()
        .map(|one| one.name.as_str())
        .collect()
}

#[tokio::test]
async fn what_nobody_claims_is_listed_by_its_topmost_path() {
    let files = Files::new();
    for path in ["a/b/x", "a/c/y", "a/d", "e/f", "g", "kept/h"] {
        files.write(&format!("data/{path}"), "");
    }
    let builder = only(&[])
        .data_dir(files.data())
        .step(paths("paths", &["a/b", "not/there"]));
    let builder = builder.preserve("kept", "it is").guard(NothingUnclaimed);
    let engine = builder.build().await.unwrap();
    let plan = engine.plan(&Selection::all()).await.unwrap();
    assert_eq!(unclaimed(&plan), ["a/c", "a/d", "e", "g"]);
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ResetError::Guard {
                guard: "nothing-unclaimed",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("`a/c`, `a/d`, `e`, `g`"),
        "{}",
        chain(&error)
    );
    for path in ["a/c/y", "a/d", "e/f", "g"] {
        fs::remove_file(files.data().join(path)).unwrap();
    }
    fs::remove_dir(files.data().join("a/c")).unwrap();
    fs::remove_dir(files.data().join("e")).unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.preserved[0].reason, "it is");
    let left: Vec<_> = tree(&files.data()).into_keys().collect();
    assert_eq!(left, ["a", "kept", "kept/h"]);
}

#[tokio::test]
async fn links_are_removed_and_never_followed() {
    let files = Files::new();
    files.write("data/media/a", "a");
    symlink(files.outside(), files.data().join("media/link")).unwrap();
    symlink(files.outside(), files.data().join("all")).unwrap();
    let engine = files.engine(&["media", "all"]).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(step(&report, "paths").counts["files"], 3);
    assert_eq!(tree(&files.data()).len(), 0);
    files.assert_outside_is_untouched();
}

#[tokio::test]
async fn a_link_on_the_way_to_a_claimed_path_is_an_error_that_names_the_path() {
    let files = Files::new();
    symlink(files.outside(), files.data().join("link")).unwrap();
    let engine = files.engine(&["link/kept"]).await;
    for error in [
        chain(&engine.plan(&Selection::all()).await.unwrap_err()),
        chain(&engine.reset(everything()).await.unwrap_err()),
    ] {
        assert!(error.contains("link/kept"), "{error}");
    }
    files.assert_outside_is_untouched();
    assert_eq!(own(&files.data()), ["lock"]);
}

/// A mount that goes away with the value.
struct Mounted(PathBuf);

impl Mounted {
    fn new(arguments: &[&OsStr], target: &Path) -> Self {
        let mut mount = Command::new("mount");
        let mounted = mount.args(arguments).arg(target).output().unwrap();
        assert!(mounted.status.success(), "the tests need root: {mounted:?}");
        Self(target.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg(&self.0).status();
        assert!(
            gone.is_ok_and(|status| status.success()),
            "{}",
            self.0.display()
        );
    }
}

async fn refuses_the_mount(files: &Files, mounted: &Path) {
    let engine = files.engine(&["media"]).await;
    let plan = engine.plan(&Selection::all()).await.unwrap();
    let [blocker] = plan.blockers() else {
        panic!("{:?}", plan.blockers());
    };
    assert!(blocker.reason.contains("mount point"), "{blocker}");
    assert_eq!(files.data().join(&blocker.name), mounted);
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Blocked(_)), "{error:?}");
    assert!(files.data().join("media/a").exists());
    files.assert_outside_is_untouched();
}

#[tokio::test]
async fn another_file_system_below_a_claimed_path_blocks_the_reset() {
    let files = Files::new();
    files.write("data/media/a", "a");
    let below = files.data().join("media/below");
    fs::create_dir(&below).unwrap();
    let tmpfs = ["-t", "tmpfs", "none"].map(OsStr::new);
    let _mounted = Mounted::new(&tmpfs, &below);
    refuses_the_mount(&files, &below).await;
}

#[tokio::test]
async fn a_bind_mount_of_the_same_file_system_blocks_the_reset() {
    let files = Files::new();
    files.write("data/media/a", "a");
    let below = files.data().join("media/below");
    fs::create_dir(&below).unwrap();
    let outside = files.outside();
    let _mounted = Mounted::new(&[OsStr::new("--bind"), outside.as_os_str()], &below);
    refuses_the_mount(&files, &below).await;
}

#[tokio::test]
async fn names_that_are_not_unicode_are_counted_shown_and_removed() {
    let files = Files::new();
    let odd = OsStr::from_bytes(b"odd-\xff\xfe");
    files.write("data/media/a", "a");
    fs::write(files.data().join("media").join(odd), "odd").unwrap();
    fs::create_dir(files.data().join("media/dir")).unwrap();
    fs::write(files.data().join("media/dir").join(odd), "odd").unwrap();
    fs::write(files.data().join(odd), "unclaimed").unwrap();
    let engine = files.engine(&["media"]).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(step(&report, "paths").counts["files"], 3);
    assert_eq!(step(&report, "paths").bytes, Some(7));
    assert_eq!(report.unclaimed[0].name, "odd-\u{fffd}\u{fffd}");
    assert_eq!(tree(&files.data()).len(), 1);
}

#[tokio::test]
async fn a_tree_of_200_levels_is_counted_and_removed() {
    let files = Files::new();
    let deep = format!("data/media/{}bottom", "d/".repeat(200));
    files.write(&deep, "deep");
    let engine = files.engine(&["media"]).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(step(&report, "paths").counts["files"], 1);
    assert_eq!(tree(&files.data()).len(), 0);
    assert_eq!(own(&files.data()), ["lock"]);
}

#[tokio::test]
async fn whatever_is_no_directory_counts_as_a_file() {
    let files = Files::new();
    files.write("data/media/empty", "");
    let _socket = UnixListener::bind(files.data().join("media/socket")).unwrap();
    let fifo = files.data().join("media/fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let engine = files.engine(&["media"]).await;
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    assert_eq!(step(&preview, "paths").counts["files"], 3);
    assert_eq!(step(&preview, "paths").bytes, Some(0));
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.steps[0].items, preview.steps[0].items);
    assert_eq!(tree(&files.data()).len(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_absent_and_an_empty_directory_goes() {
    let files = Files::new();
    fs::create_dir(files.data().join("media")).unwrap();
    let engine = files.engine(&["media", "thumbs", "a/b/c"]).await;
    let report = engine.reset(everything()).await.unwrap();
    let outcomes: Vec<_> = report.steps[0]
        .items
        .iter()
        .map(|item| (item.name.as_str(), item.outcome, item.count))
        .collect();
    use factory_reset::Outcome::{Absent, Removed};
    assert_eq!(
        outcomes,
        [
            ("a/b/c", Absent, 0),
            ("media", Removed, 0),
            ("thumbs", Absent, 0)
        ]
    );
    assert!(!files.data().join("media").exists());
}

#[tokio::test]
async fn a_selection_of_paths_removes_those_alone() {
    let files = Files::new();
    for path in ["media/a", "thumbs/a", "cache"] {
        files.write(&format!("data/{path}"), "x");
    }
    let engine = files.engine(&["media", "thumbs", "cache"]).await;
    let selection = Selection::all().only("paths", ["thumbs", "cache"]);
    let request = factory_reset::ResetRequest::new(selection).confirmed();
    engine.reset(request).await.unwrap();
    let left: Vec<_> = tree(&files.data()).into_keys().collect();
    assert_eq!(left, ["media", "media/a"]);
}
