//! What is refused when a backup is made, and what a disk gives no room for.

use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
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
    let into = rustix::fs::open(fixture.target(), directory_flags(), Mode::empty()).unwrap();
    let result = unpack(
        &fixture.backups,
        &name("one"),
        into,
        fixture.target(),
        u64::MAX / 2,
    );
    assert!(
        matches!(result, Err(BundleError::NoRoom { .. })),
        "{result:?}"
    );
    assert_eq!(fs::read_dir(fixture.target()).unwrap().count(), 0);
}

/// Needs a file system of 6 MiB at `$SMALL_FILE_SYSTEM`, as `mount -t tmpfs -o size=6m`
/// makes.
#[test]
#[ignore = "needs a small file system"]
fn a_full_disk_is_named_and_nothing_stays() {
    let small = std::env::var_os("SMALL_FILE_SYSTEM").expect("its path");
    let directory = tempfile::tempdir_in(small).unwrap();
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

/// Mixed data of 1 GiB, and 200,000 entries. Run it optimised, alone, with `--nocapture`.
#[test]
#[ignore = "takes minutes: measures speed and memory"]
fn speed_and_memory() {
    let peak = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            / 1024
    };
    let measure = |what: &str, bytes: u64, work: &mut dyn FnMut()| {
        let begun = std::time::Instant::now();
        work();
        let seconds = begun.elapsed().as_secs_f64();
        let speed = bytes as f64 / 1e6 / seconds;
        println!(
            "{what}: {seconds:.1} s, {speed:.0} MB/s, peak {} MiB",
            peak()
        );
    };
    println!("at the start: peak {} MiB", peak());
    let small = Fixture::new();
    for number in 0..200_000 {
        let directory = small
            .directory
            .path()
            .join(format!("media/{}", number / 1000));
        if number % 1000 == 0 {
            fs::create_dir_all(&directory).unwrap();
        }
        fs::write(directory.join(number.to_string()), number.to_string()).unwrap();
    }
    measure("write 200,000 entries", 0, &mut || {
        small.save("small", &["media"]).unwrap();
    });
    measure("unpack 200,000 entries", 0, &mut || {
        small.unpack("small").unwrap();
    });
    drop(small);

    let large = Fixture::new();
    fs::create_dir(large.directory.path().join("media")).unwrap();
    let mut state = 1_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for number in 0..64 {
        // A half that cannot be compressed, as images; a half like rows.
        let content: Vec<u8> = if number % 2 == 0 {
            (0..2 << 20).flat_map(|_| random().to_le_bytes()).collect()
        } else {
            let row = |index: u64| format!("{index},story {},published\n", random() % 1000);
            let mut text: Vec<u8> = (0..700_000).map(row).collect::<String>().into();
            text.truncate(16 << 20);
            text
        };
        let file = large.directory.path().join(format!("media/{number}"));
        fs::write(file, content).unwrap();
    }
    measure("write 1 GiB", 1 << 30, &mut || {
        let info = large.save("large", &["media"]).unwrap();
        println!(
            "{} bytes, archived as {}",
            info.manifest.unwrap().bytes,
            info.bytes
        );
    });
    measure("unpack 1 GiB", 1 << 30, &mut || {
        large.unpack("large").unwrap();
    });
}
