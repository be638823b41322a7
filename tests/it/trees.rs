//! Whatever tree lies at a claimed path: it is counted as anybody would count it, and goes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use factory_reset::{Engine, Selection};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::files::Files;
use crate::fixture::{everything, only, own, step, tree};
use crate::steps::paths;

/// What is in one place of a tree.
#[derive(Debug, Clone)]
enum Made {
    Nothing,
    File(usize),
    /// So many that one thread leaves some to others.
    Files(usize),
    LongName,
    OddName,
    Link,
    BrokenLink,
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        Just(Made::Nothing),
        (0..5000_usize).prop_map(Made::File),
        (200..900_usize).prop_map(Made::Files),
        Just(Made::LongName),
        Just(Made::OddName),
        Just(Made::Link),
        Just(Made::BrokenLink),
    ]
}

/// Places, each told by the way to it, and what is there.
fn places() -> impl Strategy<Value = Vec<(Vec<u8>, Made)>> {
    vec((vec(0..4_u8, 0..8), made()), 0..24)
}

fn make(place: &Path, made: &Made, outside: &Path) {
    fs::create_dir_all(place).unwrap();
    let file = |name: &OsStr, size: usize| fs::write(place.join(name), "x".repeat(size)).unwrap();
    let link = |to: &Path| {
        // One may be there.
        let _ = symlink(to, place.join("link"));
    };
    match made {
        Made::Nothing => {}
        Made::File(size) => file(OsStr::new("file"), *size),
        Made::Files(count) => {
            for number in 0..*count {
                file(OsStr::new(&format!("file-{number}")), number % 7);
            }
        }
        Made::LongName => file(OsStr::new(&"n".repeat(255)), 1),
        Made::OddName => file(OsStr::from_bytes(b"odd \xff\n"), 1),
        Made::Link => link(outside),
        Made::BrokenLink => link(Path::new("nowhere")),
    }
}

/// Files, and their bytes.
fn count(path: &Path) -> (u64, u64) {
    let status = fs::symlink_metadata(path).unwrap();
    if !status.is_dir() {
        return (1, status.len());
    }
    let entries = fs::read_dir(path).unwrap();
    let counts = entries.map(|entry| count(&entry.unwrap().path()));
    counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn counted(report: &factory_reset::Report) -> (u64, u64) {
    let step = step(report, "paths");
    (step.counts["files"], step.bytes.unwrap_or_default())
}

async fn engine(files: &Files) -> Engine {
    let builder = only(&[]).data_dir(files.data());
    builder
        .step(paths("paths", &["media"]))
        .build()
        .await
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_tree_is_counted_like_by_hand_and_goes(places in places()) {
        let files = Files::new();
        files.write("data/kept/file", "kept");
        let media = files.data().join("media");
        for (way, made) in &places {
            let way = way.iter().map(|number| format!("{number}"));
            let place = media.join(way.collect::<PathBuf>());
            make(&place, made, &files.outside());
        }
        Runtime::new().unwrap().block_on(async {
            let engine = engine(&files).await;
            let expected = if media.exists() { count(&media) } else { (0, 0) };
            let plan = engine.plan(&Selection::all()).await.unwrap();
            assert_eq!(counted(&plan.preview()), expected);
            let again = engine.plan(&Selection::all()).await.unwrap();
            assert_eq!(plan.digest(), again.digest());
            drop(engine);
            let engine = self::engine(&files).await;
            let report = engine.reset(everything().digest(plan.digest())).await.unwrap();
            assert_eq!(counted(&report), expected);
            let left: Vec<_> = tree(&files.data()).into_keys().collect();
            assert_eq!(left, ["kept", "kept/file"]);
            assert_eq!(own(&files.data()), ["lock"]);
            files.assert_outside_is_untouched();
        });
    }
}

#[tokio::test]
async fn one_file_of_many_that_changes_changes_the_digest() {
    let files = Files::new();
    for number in 0..3000 {
        files.write(&format!("data/media/{}/{number}", number % 3), "old");
    }
    let engine = engine(&files).await;
    let before = engine.plan(&Selection::all()).await.unwrap();
    files.write("data/media/1/1501", "new");
    let after = engine.plan(&Selection::all()).await.unwrap();
    assert_ne!(before.digest(), after.digest());
    assert_eq!(counted(&before.preview()), counted(&after.preview()));
}

#[tokio::test]
async fn of_many_blockers_the_same_ones_are_named_each_time() {
    let files = Files::new();
    let mut stuck = Vec::new();
    for number in 0..3000 {
        let name = format!("media/{}/{number}", number % 30);
        files.write(&format!("data/{name}"), "");
        if number % 20 == 0 {
            stuck.push(files.data().join(name));
        }
    }
    let chattr = |change: &str| {
        let done = Command::new("chattr").arg(change).args(&stuck).output();
        assert!(done.as_ref().unwrap().status.success(), "{done:?}");
    };
    let engine = engine(&files).await;
    chattr("+i");
    let mut plans = Vec::new();
    for _ in 0..5 {
        plans.push(engine.plan(&Selection::all()).await);
    }
    chattr("-i");
    stuck.sort();
    let expected: Vec<_> = stuck.iter().take(100).collect();
    for plan in plans {
        let plan = plan.unwrap();
        let named = plan.blockers().iter();
        let named: Vec<_> = named
            .map(|blocker| files.data().join(&blocker.name))
            .collect();
        assert_eq!(named.iter().collect::<Vec<_>>(), expected);
    }
}
