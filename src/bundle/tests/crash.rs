use std::os::unix::fs::symlink;

use super::*;

#[test]
fn an_unfinished_bundle_leaves_nothing() {
    let fixture = Fixture::new();
    let mut writer = BundleWriter::create(&fixture.backups, &name("one")).unwrap();
    writer.add_entry("own", "x", &mut &b"x"[..]).unwrap();
    drop(writer);
    assert!(fixture.files().is_empty());
}

#[test]
fn leftovers_go_and_all_else_stays() {
    let fixture = Fixture::new();
    fixture.backups.clean().unwrap();
    fixture.save_sample("one");
    let left_over = format!("{}.unfinished", uuid::Uuid::now_v7());
    let kept = ["notes.unfinished", "spaced name.tar.zst.sha256", "readme"];
    for file in kept
        .iter()
        .copied()
        .chain([&*left_over, "gone.tar.zst.sha256"])
    {
        fs::write(fixture.file(file), "").unwrap();
    }
    fixture.backups.clean().unwrap();
    let mut expected = vec!["one.tar.zst", "one.tar.zst.sha256"];
    expected.extend(kept);
    expected.sort_unstable();
    assert_eq!(fixture.files(), expected);
    fixture.unpack("one").unwrap();
}

#[test]
fn one_of_two_writers_wins() {
    let fixture = Fixture::new();
    let writers = [0, 1].map(|_| BundleWriter::create(&fixture.backups, &name("one")).unwrap());
    let mut results = Vec::new();
    std::thread::scope(|scope| {
        let threads = writers.map(|writer| scope.spawn(|| writer.finish(None, None, Vec::new())));
        results.extend(threads.map(|thread| thread.join().unwrap()));
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let lost = results.into_iter().find_map(Result::err).unwrap();
    assert!(matches!(lost, BundleError::Exists(_)), "{lost:?}");
    assert_eq!(fixture.files(), ["one.tar.zst", "one.tar.zst.sha256"]);
    fixture.unpack("one").unwrap();
    let again = BundleWriter::create(&fixture.backups, &name("one"))
        .err()
        .unwrap();
    assert!(matches!(again, BundleError::Exists(_)), "{again:?}");
}

#[test]
fn bundles_are_listed_with_what_cannot_be_one() {
    let fixture = Fixture::new();
    assert_eq!(fixture.backups.list().unwrap(), []);
    fixture.save_sample("one");
    let newer = fixture.save_sample("..");
    fs::write(fixture.file("broken.tar.zst"), "not zstd").unwrap();
    fs::write(fixture.file("bad name.tar.zst"), "").unwrap();
    fs::create_dir(fixture.file("directory.tar.zst")).unwrap();
    fs::copy(fixture.file("one.tar.zst"), fixture.file("renamed.tar.zst")).unwrap();
    symlink(fixture.file("one.tar.zst"), fixture.file("link.tar.zst")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        fixture.file("pipe.tar.zst"),
        rustix::fs::FileType::Fifo,
        Mode::RUSR,
        0,
    )
    .unwrap();
    let listed = fixture.backups.list().unwrap();
    let usable: Vec<_> = listed
        .iter()
        .filter(|bundle| bundle.error.is_none())
        .collect();
    assert_eq!(usable.len(), 2);
    assert_eq!(*usable[0], newer);
    assert_eq!(usable[0].sha256.as_ref().unwrap().len(), 64);
    let times: Vec<_> = listed.iter().map(|bundle| bundle.created_at).collect();
    assert!(times.is_sorted_by(|one, other| one >= other));
    let error = |of: &str| {
        let bundle = listed.iter().find(|bundle| bundle.name == of).unwrap();
        bundle.error.clone().unwrap()
    };
    assert!(error("broken").contains("compressed form"));
    assert!(error("bad name").contains("cannot name a backup"));
    assert!(error("renamed").contains("holds the backup `one`"));
    for file in ["directory", "link", "pipe"] {
        assert!(error(file).contains("no regular file"), "{file}");
    }
    serde_json::to_string(&listed).unwrap();
}

#[test]
fn a_removed_bundle_is_gone() {
    let fixture = Fixture::new();
    let missing = |result| matches!(result, Err(BundleError::NotFound(_)));
    assert!(missing(fixture.backups.remove(&name("one"))));
    fixture.save_sample("one");
    fixture.backups.remove(&name("one")).unwrap();
    assert!(fixture.files().is_empty());
    assert!(missing(fixture.backups.remove(&name("one"))));
    assert!(missing(fixture.backups.find(&name("one")).map(drop)));
    assert!(missing(fixture.unpack("one").map(drop)));
}

#[test]
fn the_directory_is_never_reached_through_a_link() {
    let fixture = Fixture::new();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), fixture.directory.path().join("backups")).unwrap();
    assert!(BundleWriter::create(&fixture.backups, &name("one")).is_err());
    assert!(fixture.backups.list().is_err());
    assert!(fixture.backups.clean().is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
