//! What another user can put into the directory of the backups.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{FileType, makedev, mknodat};

use super::forged::Forged;
use super::*;

/// Puts everything at `path` that is no regular file with one name, one after the other.
fn each_at(fixture: &Fixture, path: &Path, mut check: impl FnMut(&str)) {
    let victim = fixture.targets.path().join("outside");
    let node = |kind, device| mknodat(CWD, path, kind, Mode::RWXU, device).unwrap();
    let mut check = |what: &str| {
        check(what);
        assert_eq!(fs::read(&victim).unwrap(), b"untouched", "{what}");
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path).unwrap();
        }
    };
    node(FileType::Fifo, 0);
    check("pipe");
    node(FileType::CharacterDevice, makedev(1, 5));
    check("device");
    drop(UnixListener::bind(path).unwrap());
    check("socket");
    symlink(&victim, path).unwrap();
    check("link");
    symlink("/dev/zero", path).unwrap();
    check("link to a device");
    fs::hard_link(&victim, path).unwrap();
    check("hard link");
}

#[test]
fn only_a_plain_file_is_opened_as_a_bundle() {
    let fixture = Fixture::new();
    fixture.save_sample("kept");
    let path = fixture.file("x.tar.zst");
    each_at(&fixture, &path, |what| {
        let listed = fixture.backups.list().unwrap();
        assert_eq!(listed.len(), 2, "{what}");
        let error = |bundle: &BundleInfo| bundle.error.clone();
        let x = listed.iter().find(|bundle| bundle.name == "x").unwrap();
        let expected = match what {
            "hard link" => "more than one hard link",
            _ => "no regular file",
        };
        assert!(error(x).unwrap().contains(expected), "{what}: {x:?}");
        assert!(matches!(
            fixture.unpack("x"),
            Err(BundleError::Unusable { .. })
        ));
        assert!(matches!(
            BundleWriter::create(&fixture.backups, &name("x")),
            Err(BundleError::Exists(_))
        ));
        fixture.backups.remove(&name("x")).unwrap();
        assert!(path.symlink_metadata().is_err(), "{what}");
    });
}

#[test]
fn a_bundle_with_a_second_name_is_refused_until_it_is_copied() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    let (bundle, other) = (fixture.file("one.tar.zst"), fixture.file("other"));
    fs::hard_link(&bundle, &other).unwrap();
    let error = fixture.unpack("one").unwrap_err();
    assert!(crate::error::chain(&error).contains("more than one hard link"));
    fs::copy(&bundle, fixture.file("copy")).unwrap();
    fs::rename(fixture.file("copy"), &bundle).unwrap();
    fixture.unpack("one").unwrap();
}

#[test]
fn only_a_plain_file_is_read_as_a_sum() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    let path = fixture.file("one.tar.zst.sha256");
    fs::remove_file(&path).unwrap();
    each_at(&fixture, &path, |what| {
        let error = fixture.backups.find(&name("one")).unwrap().error.unwrap();
        assert!(error.contains("does not hold its sum"), "{what}: {error}");
        assert!(fixture.unpack("one").is_err(), "{what}");
    });
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(fixture.unpack("one").is_err());
}

#[test]
fn leftovers_of_every_kind_are_removed_and_not_opened() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    let names = [
        format!("{}.unfinished", uuid::Uuid::now_v7()),
        "alone.tar.zst.sha256".to_owned(),
    ];
    for leftover in names {
        let path = fixture.file(&leftover);
        each_at(&fixture, &path, |what| {
            fixture.backups.clean().unwrap();
            assert!(path.symlink_metadata().is_err(), "{what}");
        });
    }
    fixture.unpack("one").unwrap();
}

#[test]
fn the_directory_of_the_backups_is_a_directory() {
    let fixture = Fixture::new();
    let path = fixture.directory.path().join("backups");
    each_at(&fixture, &path, |what| {
        let error = fixture.backups.list().unwrap_err();
        let text = crate::error::chain(&error);
        assert!(text.contains("a directory is expected"), "{what}: {text}");
        assert!(text.contains("backups"), "{text}");
        assert!(BundleWriter::create(&fixture.backups, &name("one")).is_err());
        assert!(fixture.backups.clean().is_err());
        assert!(fixture.unpack("one").is_err());
    });
}

#[test]
fn a_list_reads_manifests_only_up_to_a_limit() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    // As many of the longest as are read, and some more. They compress to almost nothing.
    for number in 0..6 {
        let bundle = format!("bomb-{number}");
        let mut forged = Forged::new();
        forged.set("/name", bundle.as_str());
        forged.set("/contents/0/label", "x".repeat(15 * 1024 * 1024));
        let mut frame = frames::encoder(Vec::new()).unwrap();
        frame.write_all(&forged.front(b"")).unwrap();
        let compressed = frame.finish().unwrap();
        assert!(compressed.len() < 64 * 1024);
        fs::write(fixture.file(&format!("{bundle}.tar.zst")), compressed).unwrap();
    }
    let listed = fixture.backups.list().unwrap();
    assert_eq!(listed.len(), 7);
    let read = listed.iter().filter(|bundle| bundle.manifest.is_some());
    assert!((2..=4).contains(&read.count()));
    let errors = listed.iter().filter_map(|bundle| bundle.error.as_ref());
    assert!(
        errors
            .clone()
            .any(|error| error.contains("too long manifests"))
    );
    fixture.unpack("one").unwrap();
}

#[test]
fn a_bundle_of_an_earlier_version_is_read_and_removed_whatever_its_name() {
    let fixture = Fixture::new();
    for earlier in [".", "..", ".hidden", "-", "--delete"] {
        fixture.save_sample(earlier);
        fixture.unpack(earlier).unwrap();
        assert_eq!(fixture.backups.list().unwrap()[0].error, None);
        fixture.backups.remove(&name(earlier)).unwrap();
        assert!(fixture.files().is_empty());
    }
}
