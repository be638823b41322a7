//! What is refused when a backup is made, and what a disk gives no room for.

use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::bundle::manifest::SavedPath;

#[test]
fn what_is_no_file_or_directory_is_named() {
    let fixture = Fixture::new();
    let media = fixture.directory.path().join("media");
    fs::create_dir(&media).unwrap();
    let odd = media.join("odd");
    let refused = |what: &str| {
        let error = fixture.save("one", &["media"]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains("media/odd"), "{error}");
        fs::remove_file(&odd).unwrap();
        assert!(fixture.files().is_empty());
    };
    symlink("/etc/passwd", &odd).unwrap();
    refused("is a symbolic link");
    let _listener = UnixListener::bind(&odd).unwrap();
    refused("is a socket");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &odd, fifo, Mode::RUSR, 0).unwrap();
    refused("is a pipe");
    for mode in [0o4755, 0o2755] {
        fs::write(&odd, "").unwrap();
        fs::set_permissions(&odd, fs::Permissions::from_mode(mode)).unwrap();
        refused("set-user-id or set-group-id");
    }
    symlink("/etc", fixture.directory.path().join("link")).unwrap();
    assert!(matches!(
        fixture.save("one", &["link"]),
        Err(BundleError::NotPlain { .. })
    ));
    assert!(fixture.save("one", &["link/passwd"]).is_err());
}

#[test]
fn a_file_that_is_written_meanwhile_is_no_backup() {
    let fixture = Fixture::new();
    let media = fixture.directory.path().join("media");
    fs::write(&media, vec![0; 16 << 20]).unwrap();
    let is_over = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&media).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let result = fixture.save("one", &["media"]);
        is_over.store(true, Ordering::Relaxed);
        result
    });
    assert!(matches!(result, Err(BundleError::Changed(_))), "{result:?}");
}

#[test]
fn what_cannot_be_read_breaks_the_bundle_for_good() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the connection is gone"))
        }
    }
    let fixture = Fixture::new();
    let mut writer = BundleWriter::create(&fixture.backups, &name("one")).unwrap();
    let error = writer.add_entry("own", "x", &mut (&b"begun"[..]).chain(Broken));
    assert!(
        matches!(error, Err(BundleError::Content { .. })),
        "{error:?}"
    );
    let error = writer.add_entry("own", "y", &mut &b""[..]);
    assert!(
        matches!(error, Err(BundleError::Unfinished(_))),
        "{error:?}"
    );
    let error = writer.finish(None, None, Vec::new());
    assert!(
        matches!(error, Err(BundleError::Unfinished(_))),
        "{error:?}"
    );
    assert!(fixture.files().is_empty());
}

#[test]
fn what_is_saved_is_named_once() {
    let fixture = Fixture::new();
    let begin = || {
        let mut writer = BundleWriter::create(&fixture.backups, &name("one")).unwrap();
        writer.add_entry("own", "x", &mut &b""[..]).unwrap();
        writer
    };
    let error = begin().add_entry("own", "x", &mut &b""[..]);
    assert!(matches!(error, Err(BundleError::Twice(_))), "{error:?}");
    let error = begin().finish(None, None, Vec::new());
    assert!(matches!(error, Err(BundleError::Named(_))), "{error:?}");
    let mut step = step("own");
    step.entries = vec!["x".to_owned(), "y".to_owned()];
    let error = begin().finish(None, None, vec![step.clone()]);
    assert!(matches!(error, Err(BundleError::Named(_))), "{error:?}");
    step.entries = vec!["x".to_owned(), "x".to_owned()];
    let error = begin().finish(None, None, vec![step.clone()]);
    assert!(matches!(error, Err(BundleError::Twice(_))), "{error:?}");
    for claimed in ["media", "media/in"] {
        step.paths.push(SavedPath {
            name: claimed.to_owned(),
            there: false,
            files: 0,
            bytes: 0,
        });
    }
    step.entries = vec!["x".to_owned()];
    let error = begin().finish(None, None, vec![step.clone()]);
    assert!(
        matches!(error, Err(BundleError::Unusable { .. })),
        "{error:?}"
    );
    step.paths.clear();
    step.label = "l".repeat(17 * 1024 * 1024);
    let error = begin().finish(None, None, vec![step]);
    assert!(
        matches!(error, Err(BundleError::LongManifest(_))),
        "{error:?}"
    );
    assert!(fixture.files().is_empty());
}

#[test]
fn a_bundle_without_room_is_not_begun() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    fs::create_dir(fixture.target()).unwrap();
    let result = unpack(
        &fixture.backups,
        &name("one"),
        fixture.opened_target(),
        u64::MAX / 2,
    );
    assert!(
        matches!(result, Err(BundleError::NoRoom { .. })),
        "{result:?}"
    );
    assert_eq!(fs::read_dir(fixture.target()).unwrap().count(), 0);
}

/// A file system of 6 MiB, for as long as it lives.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=6m", "small"]);
        assert!(mount.arg(directory.path()).status().unwrap().success());
        Self(directory)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.unwrap().success());
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_stays() {
    let small = Small::mount();
    let directory = tempfile::tempdir_in(small.0.path()).unwrap();
    let data_directory = Arc::new(DataDirectory::open(directory.path()).unwrap());
    let backups = Backups::new(data_directory, path("backups"));
    // Full while it is written; full while it is put together; not full.
    for length in [8 << 20, 3 << 20, 1 << 20] {
        let mut state = 1_u32;
        let random = (0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let content: Vec<u8> = random.collect();
        let mut writer = BundleWriter::create(&backups, &name("one")).unwrap();
        let mut step = step("own");
        step.entries.push("x".to_owned());
        let added = writer.add_entry("own", "x", &mut &*content);
        let result = added.and_then(|_| writer.finish(None, None, vec![step]));
        let files = || {
            fs::read_dir(directory.path().join("backups"))
                .unwrap()
                .count()
        };
        if length == 1 << 20 {
            result.unwrap();
            assert_eq!(files(), 2);
        } else {
            let error = crate::chain(&result.unwrap_err());
            assert!(
                error.contains("one.tar.zst") && error.contains("No space"),
                "{error}"
            );
            assert_eq!(files(), 0);
        }
    }
}
