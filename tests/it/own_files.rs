//! What another user can put into `.factory-reset/` neither stops the engine, nor is followed.
//!
//! These tests run as root: only root can give files to other users and create devices.

use std::fs::{self, FileType, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use factory_reset::{BuildError, Engine, EngineBuilder, Flaw, PathError, RecoveryError, chain};
use rustix::fs::{CWD, Mode, makedev, mknodat};
use tempfile::TempDir;

use crate::fixture::{everything, only, own};
use crate::steps::paths;

/// A user that is not root.
const OTHER: u32 = 65_534;

/// The journals, and what is written on the way to them.
const JOURNALS: [&str; 2] = ["journal.prepared.json", "journal.committed.json"];

/// A data directory with `.factory-reset/` in it; beside it, a file that must never change.
struct Data(TempDir);

/// What can be in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    Pipe,
    Device,
    Socket,
    Link,
    LinkToDevice,
    HardLink,
    Directory,
    OfOtherUser,
}

impl Odd {
    const ALL: [Self; 8] = [
        Self::Pipe,
        Self::Device,
        Self::Socket,
        Self::Link,
        Self::LinkToDevice,
        Self::HardLink,
        Self::Directory,
        Self::OfOtherUser,
    ];

    const fn says(self) -> &'static str {
        match self {
            Self::Pipe => "is a pipe",
            Self::Device => "is a device",
            Self::Socket => "is a socket",
            Self::Link | Self::LinkToDevice => "is a symbolic link",
            Self::HardLink => "has more than one hard link",
            Self::Directory => "is a directory",
            Self::OfOtherUser => "belongs to user 65534",
        }
    }
}

impl Data {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("data/media")).unwrap();
        fs::write(directory.path().join("data/media/cat.jpg"), "meow").unwrap();
        fs::write(directory.path().join("victim"), "kept").unwrap();
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn own(&self, name: &str) -> PathBuf {
        self.path().join(".factory-reset").join(name)
    }

    fn victim(&self) -> PathBuf {
        self.0.path().join("victim")
    }

    fn builder(&self) -> EngineBuilder {
        let builder = only(&[]).data_dir(self.path());
        builder.step(paths("paths", &["media"]))
    }

    async fn start(&self) -> Engine {
        self.builder().build().await.unwrap()
    }

    async fn refused(&self) -> PathError {
        let error = self.builder().build().await.unwrap_err();
        match error {
            BuildError::Path(error)
            | BuildError::Recovery(RecoveryError::Journal(factory_reset::JournalError::Path(
                error,
            ))) => error,
            error => panic!("{error:?}"),
        }
    }

    /// Puts something odd into the place of `name`, which is absent.
    fn put(&self, odd: Odd, name: &str) {
        let path = self.own(name);
        let _ = fs::create_dir(self.own(""));
        let node = |kind, device| mknodat(CWD, &path, kind, Mode::RWXU, device).unwrap();
        match odd {
            Odd::Pipe => node(rustix::fs::FileType::Fifo, 0),
            // `/dev/zero`, which never ends.
            Odd::Device => node(rustix::fs::FileType::CharacterDevice, makedev(1, 5)),
            Odd::Socket => drop(UnixListener::bind(&path).unwrap()),
            Odd::Link => symlink(self.victim(), &path).unwrap(),
            Odd::LinkToDevice => symlink("/dev/zero", &path).unwrap(),
            Odd::HardLink => fs::hard_link(self.victim(), &path).unwrap(),
            Odd::Directory => fs::create_dir(&path).unwrap(),
            Odd::OfOtherUser => {
                fs::write(&path, "{}").unwrap();
                chown(&path, Some(OTHER), None).unwrap();
            }
        }
    }

    fn take_away(&self, name: &str) {
        let path = self.own(name);
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => fs::remove_dir(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read_to_string(self.victim()).unwrap(), "kept");
        let cat = fs::read_to_string(self.path().join("media/cat.jpg"));
        assert_eq!(cat.unwrap(), "meow");
    }
}

fn kind(path: &Path) -> FileType {
    fs::symlink_metadata(path).unwrap().file_type()
}

#[tokio::test]
async fn what_is_no_plain_file_of_ours_is_no_journal_and_no_lock() {
    for name in JOURNALS.into_iter().chain(["lock"]) {
        for odd in Odd::ALL {
            let data = Data::new();
            data.put(odd, name);
            let error = data.refused().await;
            let text = chain(&error);
            let path = data.own(name);
            assert!(text.contains(odd.says()), "{odd:?}: {text}");
            assert!(text.contains(path.to_str().unwrap()), "{odd:?}: {text}");
            data.assert_untouched();
            assert!(
                path.symlink_metadata().is_ok(),
                "{odd:?} is left for people"
            );
            data.take_away(name);
            data.start().await.reset(everything()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_in_the_way_of_a_new_file_is_removed_and_never_written_to() {
    for odd in Odd::ALL {
        if odd == Odd::Directory {
            continue;
        }
        let data = Data::new();
        for name in ["journal.new.json", "reserve"] {
            data.put(odd, name);
        }
        fs::create_dir(data.own("history")).unwrap();
        data.put(odd, "history/new.json");
        let engine = data.start().await;
        engine.reset(everything()).await.unwrap();
        assert_eq!(engine.history().len(), 1, "{odd:?}");
        assert_eq!(fs::read_to_string(data.victim()).unwrap(), "kept");
        assert!(kind(&data.own("reserve")).is_file(), "{odd:?}");
        assert_eq!(fs::metadata(data.victim()).unwrap().nlink(), 1);
        assert_eq!(own(&data.path()), ["lock"], "{odd:?}");
    }
}

#[tokio::test]
async fn what_is_no_plain_file_of_ours_is_left_out_of_the_history() {
    for odd in Odd::ALL {
        let data = Data::new();
        let engine = data.start().await;
        engine.reset(everything()).await.unwrap();
        drop(engine);
        let name = "history/01890a5d-ac96-774b-bcce-b302099a8057.json";
        data.put(odd, name);
        let engine = data.start().await;
        assert_eq!(engine.history().len(), 1, "{odd:?}");
        assert!(data.own(name).symlink_metadata().is_ok());
    }
}

#[tokio::test]
async fn a_file_that_is_too_long_is_named_and_not_read() {
    let data = Data::new();
    for name in JOURNALS {
        fs::create_dir_all(data.own("")).unwrap();
        let file = fs::File::create(data.own(name)).unwrap();
        // A hole, which takes no room on the disk.
        file.set_len(1 << 40).unwrap();
        let error = data.refused().await;
        let PathError::Flawed { path, flaw } = &error else {
            panic!("{error:?}");
        };
        assert!(matches!(flaw, Flaw::TooLong(_)), "{error}");
        assert!(path.ends_with(name), "{error}");
        data.take_away(name);
    }
    fs::create_dir(data.own("history")).unwrap();
    let run = "history/01890a5d-ac96-774b-bcce-b302099a8057.json";
    let file = fs::File::create(data.own(run)).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(data.start().await.history().is_empty());
}

#[tokio::test]
async fn the_directory_itself_is_a_directory_of_ours() {
    for odd in [
        Odd::Pipe,
        Odd::Device,
        Odd::Socket,
        Odd::Link,
        Odd::HardLink,
    ] {
        let data = Data::new();
        fs::create_dir(data.own("")).unwrap();
        data.put(odd, "odd");
        fs::rename(data.own("odd"), data.path().join("odd")).unwrap();
        fs::remove_dir(data.own("")).unwrap();
        fs::rename(data.path().join("odd"), data.path().join(".factory-reset")).unwrap();
        let error = data.refused().await;
        let PathError::Flawed { path, flaw } = &error else {
            panic!("{odd:?}: {error:?}");
        };
        assert!(path.ends_with(".factory-reset"), "{error}");
        assert!(matches!(flaw, Flaw::NotADirectory(_)), "{error}");
        data.assert_untouched();
    }
    let data = Data::new();
    let elsewhere = data.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, data.path().join(".factory-reset")).unwrap();
    let error = data.refused().await;
    assert!(chain(&error).contains("is a symbolic link"), "{error}");
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[tokio::test]
async fn a_directory_of_another_user_is_refused_by_name() {
    let data = Data::new();
    drop(data.start().await);
    chown(data.own(""), Some(OTHER), None).unwrap();
    let error = data.refused().await;
    let PathError::Flawed { path, flaw } = &error else {
        panic!("{error:?}");
    };
    assert!(path.ends_with(".factory-reset"), "{error}");
    let expected = Flaw::Owner {
        owner: OTHER,
        process: 0,
    };
    assert_eq!(*flaw, expected);
    assert!(error.to_string().contains("chown 0"), "{error}");
}

#[tokio::test]
async fn directories_below_it_that_are_another_users_are_not_used() {
    let data = Data::new();
    let engine = data.start().await;
    fs::create_dir(data.own("history")).unwrap();
    chown(data.own("history"), Some(OTHER), None).unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(fs::read_dir(data.own("history")).unwrap().count(), 0);
}

#[tokio::test]
async fn other_users_lose_the_permission_to_write_there() {
    let data = Data::new();
    for (path, mode) in [("", 0o777), ("history", 0o770)] {
        fs::create_dir_all(data.own(path)).unwrap();
        fs::set_permissions(data.own(path), Permissions::from_mode(mode)).unwrap();
    }
    let engine = data.start().await;
    engine.reset(everything()).await.unwrap();
    for path in ["", "history"] {
        let mode = fs::metadata(data.own(path)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{path}");
    }
}

#[tokio::test]
async fn root_does_not_open_the_data_directory_of_another_user() {
    let data = Data::new();
    chown(data.path(), Some(OTHER), None).unwrap();
    let error = data.refused().await;
    assert!(
        matches!(error, PathError::OtherOwner { owner: OTHER, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("run it as that user"), "{text}");
    assert!(text.contains(data.path().to_str().unwrap()), "{text}");
    assert!(!data.own("").exists(), "nothing was created in it");
}

#[tokio::test]
async fn root_opens_the_data_directory_of_a_user_that_the_host_trusts() {
    let data = Data::new();
    fs::create_dir(data.own("")).unwrap();
    for path in [data.path(), data.own("")] {
        chown(path, Some(OTHER), None).unwrap();
    }
    let builder = || data.builder().trust_data_directory(true);
    let engine = builder().build().await.unwrap();
    engine.reset(everything()).await.unwrap();
    drop(engine);
    // Still nothing is followed, and nothing waits.
    for odd in Odd::ALL {
        if odd == Odd::OfOtherUser {
            continue;
        }
        data.put(odd, JOURNALS[0]);
        let error = builder().build().await.unwrap_err();
        assert!(chain(&error).contains(odd.says()), "{odd:?}: {error:?}");
        data.take_away(JOURNALS[0]);
    }
    chown(data.own("lock"), Some(OTHER - 1), None).unwrap();
    let error = builder().build().await.unwrap_err();
    assert!(chain(&error).contains("belongs to user 65533"), "{error:?}");
}

#[tokio::test]
async fn root_opens_no_data_directory_that_another_user_can_swap() {
    for (owner, mode) in [(OTHER, 0o755), (0, 0o777), (0, 0o775)] {
        let data = Data::new();
        let service = data.0.path().join("service");
        fs::create_dir(&service).unwrap();
        fs::rename(data.path(), service.join("data")).unwrap();
        chown(&service, Some(owner), None).unwrap();
        fs::set_permissions(&service, Permissions::from_mode(mode)).unwrap();
        let builder = || {
            let builder = only(&[]).data_dir(service.join("data"));
            builder.step(paths("paths", &["media"]))
        };
        let error = builder().build().await.unwrap_err();
        let BuildError::Path(PathError::Replaceable { above, .. }) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*above, service);
        assert!(!service.join("data/.factory-reset").exists());
        // Through a link, too, for its target is what is opened.
        symlink(service.join("data"), data.path()).unwrap();
        let error = data.refused().await;
        assert!(matches!(error, PathError::Replaceable { .. }), "{error:?}");

        builder().trust_data_directory(true).build().await.unwrap();
        fs::set_permissions(&service, Permissions::from_mode(0o1777)).unwrap();
        if owner == 0 {
            builder().build().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_lock_tells_the_number_of_a_process_and_nothing_else() {
    let data = Data::new();
    let _engine = data.start().await;
    let process = std::process::id().to_string();
    for (text, holder) in [
        (process.clone(), process.as_str()),
        (format!("{process}\n"), process.as_str()),
        ("\u{1b}]0;owned\u{7}".to_owned(), "unknown"),
        (format!("{process}; rm"), "unknown"),
        ("-1".to_owned(), "unknown"),
        ("1".repeat(100_000), "unknown"),
        (String::new(), "unknown"),
    ] {
        fs::write(data.own("lock"), &text).unwrap();
        let error = data.refused().await;
        assert!(
            matches!(&error, PathError::InUse { holder: told, .. } if told == holder),
            "{text:.20}: {error:?}"
        );
    }
}

#[test]
fn a_pipe_is_a_pipe() {
    // The fixture makes what it says.
    let data = Data::new();
    data.put(Odd::Pipe, "pipe");
    assert!(kind(&data.own("pipe")).is_fifo());
    data.put(Odd::Device, "device");
    assert!(kind(&data.own("device")).is_char_device());
}
