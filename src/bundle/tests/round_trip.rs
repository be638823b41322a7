use std::ffi::OsStr;
use std::fs::{FileTimes, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use super::*;

fn read(mut content: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).unwrap();
    bytes
}

fn set(path: &Path, mode: u32, modified: SystemTime) {
    let file = fs::File::open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    file.set_permissions(Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_saved_comes_back() {
    let fixture = Fixture::new();
    let info = fixture.save_sample("one");
    let before = snapshot(&fixture.directory.path().join("media"));
    let unpacked = fixture.unpack("one").unwrap();
    assert_eq!(info.manifest.as_ref(), Some(unpacked.manifest()));
    assert_eq!(read(unpacked.table("tables", "posts").unwrap()), b"rows");
    assert_eq!(read(unpacked.table("tables", "a/b.ä").unwrap()), b"");
    assert_eq!(read(unpacked.entry("media", "index").unwrap()), b"own");
    let place = unpacked.path("media", &path("media")).unwrap();
    assert_eq!(place.name, "media");
    let moved = fixture.targets.path().join("target/moved");
    rustix::fs::renameat(&place.parent, &place.name, rustix::fs::CWD, &moved).unwrap();
    assert_eq!(snapshot(&moved), before);
    let manifest = unpacked.manifest();
    assert_eq!((manifest.entries, manifest.bytes), (6, 11));
    let paths = &manifest.contents[1].paths;
    assert_eq!(
        (paths[0].there, paths[0].files, paths[0].bytes),
        (true, 1, 4)
    );
    assert!(!paths[1].there);
}

#[test]
fn trees_come_back_to_the_last_detail() {
    let fixture = Fixture::new();
    let media = fixture.directory.path().join("media");
    let long = "l".repeat(255);
    let deep: PathBuf = std::iter::repeat_n("deep-directory", 100).collect();
    for directory in ["empty", "ünïcode/日本", &long, deep.to_str().unwrap()] {
        fs::create_dir_all(media.join(directory)).unwrap();
    }
    let odd = OsStr::from_bytes(b"not \xff utf-8 \\ and\nlines\r");
    let exact = "e".repeat(100 - "steps/media/files/media/".len());
    let names = [
        odd,
        OsStr::new(&long),
        OsStr::new(&exact),
        OsStr::new("plain"),
    ];
    for (number, name) in names.iter().enumerate() {
        let file = media.join("ünïcode").join(name);
        fs::write(&file, vec![7; number * 511]).unwrap();
        fs::write(media.join(name), "x").ok();
        fs::write(media.join(&deep).join(name), "y").unwrap();
    }
    let epoch = SystemTime::UNIX_EPOCH;
    let times = [
        epoch,
        epoch + Duration::new(1_700_000_000, 123_456_789),
        epoch - Duration::from_millis(1500),
        epoch + Duration::from_secs(9_000_000_000),
    ];
    for (name, (mode, time)) in names
        .iter()
        .zip([0o600, 0o4, 0o777, 0o1444].into_iter().zip(times))
    {
        set(&media.join("ünïcode").join(name), mode | 0o400, time);
    }
    set(&media.join("empty"), 0o3775, times[2]);
    set(&media.join("ünïcode"), 0o500, times[1]);
    set(&media, 0o751, times[0]);
    let before = snapshot(&media);
    fixture.save("tree", &["media"]).unwrap();
    fixture.unpack("tree").unwrap();
    assert_eq!(
        snapshot(&fixture.target().join("steps/media/files/media")),
        before
    );
}

#[test]
fn a_claimed_path_can_be_a_file_and_lie_deep() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.directory.path().join("var/lib")).unwrap();
    fs::write(fixture.directory.path().join("var/lib/a"), "a").unwrap();
    fs::write(fixture.directory.path().join("var/lib/ab"), "ab").unwrap();
    fixture
        .save(
            "file",
            &["var/lib/a", "var/lib/ab", "var/none", "none/at/all"],
        )
        .unwrap();
    let unpacked = fixture.unpack("file").unwrap();
    let place = unpacked.path("media", &path("var/lib/ab")).unwrap();
    assert_eq!(place.name, "ab");
    let lib = fixture.target().join("steps/media/files/var/lib");
    assert_eq!(fs::read(lib.join("ab")).unwrap(), b"ab");
}

#[test]
fn long_contents_come_in_parts() {
    let part = layout::PART;
    for (length, parts) in [(part - 1, 1), (part, 1), (part + 1, 2), (2 * part, 2)] {
        let fixture = Fixture::new();
        let content: Vec<_> = (0..length).map(|index| (index % 251) as u8).collect();
        let mut writer = BundleWriter::create(&fixture.backups, &name("long")).unwrap();
        let bytes = writer.add_entry("own", "x", &mut &*content).unwrap();
        assert_eq!(bytes, length as u64);
        let mut step = step("own");
        step.entries.push("x".to_owned());
        let info = writer.finish(None, None, vec![step]).unwrap();
        assert_eq!(info.manifest.unwrap().entries, parts);
        let unpacked = fixture.unpack("long").unwrap();
        assert!(read(unpacked.entry("own", "x").unwrap()) == content);
    }
}

#[test]
fn an_empty_backup_is_one() {
    let fixture = Fixture::new();
    fixture.save("empty", &[]).unwrap();
    assert_eq!(fixture.unpack("empty").unwrap().manifest().entries, 0);
}
