//! Trees that are deeper than any sane one, and trees of which a part cannot be removed.

use std::fs;
use std::path::Path;

use factory_reset::{ResetError, Selection};

use crate::fixture::{Host, everything, own};
use crate::steps::paths;
use crate::stuck::Stick;

const LEVELS: usize = 3000;

/// Puts one file below [`LEVELS`] directories. A path so long cannot be named: the tree is
/// made in parts, each moved below the next.
fn deep(directory: &Path) {
    const PART: usize = 500;
    let part = "d/".repeat(PART);
    let (above, below) = (directory.join("above"), directory.join("below"));
    fs::create_dir_all(below.join(&part)).unwrap();
    fs::write(below.join(&part).join("file"), "deep down").unwrap();
    for _ in 1..LEVELS / PART {
        fs::create_dir_all(above.join(&part)).unwrap();
        fs::rename(below.join("d"), above.join(&part).join("d")).unwrap();
        fs::remove_dir(&below).unwrap();
        fs::rename(&above, &below).unwrap();
    }
    fs::rename(below.join("d"), directory.join("deep")).unwrap();
    fs::remove_dir(below).unwrap();
}

#[tokio::test]
async fn a_tree_of_3000_levels_is_refused_when_planned_and_nothing_is_touched() {
    let host = Host::new().await;
    deep(&host.data());
    let builder = host.media_builder().await.step(paths("deep", &["deep"]));
    let engine = builder.build().await.unwrap();
    let plan = engine.plan(&Selection::all()).await.unwrap();
    assert!(plan.blockers()[0].reason.contains("512 directories deep"));
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Blocked(_)), "{error:?}");
    assert!(host.data().join("deep").exists() && host.data().join("media/cat.jpg").exists());
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_nothing_else_from_being_removed() {
    let host = Host::new().await;
    for number in 0..200 {
        host.write(&format!("media/{number}/deep/file"), "gone");
        host.write(&format!("media/stuck/{number}"), "gone");
    }
    host.write("media/stuck/deep/er/kept", "kept");
    let stick = Stick::new(&host.data(), "kept");
    let builder = host.media_builder().await.step(stick.registration());
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    let area = host.data().join(".factory-reset");
    let area = area.join(report.run.unwrap().to_string());
    let stuck = stick.take();
    assert_eq!(files(&area), 1, "the one that cannot be removed");
    let [pending] = &report.pending[..] else {
        panic!("{:?}", report.pending);
    };
    assert_eq!(pending.work, "purge");
    assert!(
        pending.error.contains("stuck/deep/er/kept"),
        "told by the name that it had: {pending:?}"
    );
    drop(engine);
    let again = host.engine().await;
    assert!(area.exists());
    drop((again, stuck));
    let _engine = host.engine().await;
    assert_eq!(own(&host.data()), ["lock"]);
}

/// How many files there are.
fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}
