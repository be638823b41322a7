//! Bundles that nobody's writer has written: each has one thing that is wrong.

use std::io::Write;

use serde_json::{Value, json};
use tar::EntryType;

use super::forged::{Change, Forged, TOP, fate, head, header};
use super::*;
use crate::bundle::head::Kind;

#[test]
fn what_is_right_is_taken() {
    Forged::new().fate().unwrap();
    let mut forged = Forged::new();
    forged.add_counted("steps/media/entries/x/000001", Some(""));
    forged.is_refused("the part that has to come next");
}

#[test]
fn names_lead_nowhere() {
    for path in [
        "/etc/cron.d/x",
        "../outside",
        "..",
        ".",
        "steps/media/files/media/../../../../../outside",
        "steps/media/files/media/./cat",
        "steps/media/files/media//cat",
        "./steps/media/files/media/cat",
    ] {
        let mut forged = Forged::new();
        forged.replace_head(
            path.as_bytes(),
            header(path.as_bytes(), |header| header.set_size(4)),
        );
        forged.is_refused("is not a plain path");
        // The same as a long name.
        let long = format!("{path}/{}", "x".repeat(120));
        let mut forged = Forged::new();
        forged.add(&long, Some("long"));
        forged.is_refused("is not a plain path");
    }
    for path in [
        "outside",
        "manifest.json",
        "SHA256SUMS",
        "steps\\media",
        "C:\\x",
        "steps",
    ] {
        let mut forged = Forged::new();
        forged.add_counted(path, Some(""));
        forged.is_refused("is not named by the manifest");
    }
    let path = format!("{TOP}/cat\0hidden");
    let mut forged = Forged::new();
    let raw = header(path.as_bytes(), |header| header.set_size(4));
    forged.replace_head(format!("{TOP}/cat").as_bytes(), raw);
    forged.is_refused("has a header that no bundle has");
    let mut forged = Forged::new();
    forged.add(&format!("{TOP}/{}\0x", "x".repeat(120)), Some(""));
    forged.is_refused("is not a plain path");
    let mut forged = Forged::new();
    forged.add_counted(&format!("{TOP}/{}", "x/".repeat(700)), Some(""));
    forged.is_refused("is not a plain path");
    let mut forged = Forged::new();
    forged.add_counted(&format!("{TOP}/{}x", "x/".repeat(700)), Some(""));
    forged.is_refused("too many directories deep");
}

#[test]
fn nothing_comes_twice() {
    let mut forged = Forged::new();
    forged.add_counted(&format!("{TOP}/cat"), Some("evil"));
    forged.is_refused("does not follow the directory that it lies in");
    for (path, content) in [("cat", Some("evil")), ("cat", None), ("", None)] {
        let mut forged = Forged::new();
        let path = format!("{TOP}/{path}");
        forged.add_counted(path.trim_end_matches('/'), content);
        forged.entries.swap(2, 3);
        forged.is_refused("is there twice");
    }
    // A file where a directory has to be.
    let mut forged = Forged::new();
    forged.add_counted(&format!("{TOP}/cat/inner"), Some("x"));
    forged.entries.swap(2, 3);
    forged.is_refused("does not follow the directory that it lies in");
    // Behind the directory's back.
    let mut forged = Forged::new();
    forged.entries.swap(0, 1);
    forged.is_refused("does not follow the directory that it lies in");
}

#[test]
fn only_files_and_directories_are_taken() {
    let path = format!("{TOP}/cat").into_bytes();
    for (kind, why) in [
        (EntryType::Link, "is a link"),
        (EntryType::Symlink, "is a link"),
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a pipe"),
        (EntryType::Continuous, "is of a kind that no bundle has"),
        (EntryType::GNUSparse, "is of a kind that no bundle has"),
        (EntryType::GNULongLink, "is of a kind that no bundle has"),
        (EntryType::XGlobalHeader, "is of a kind that no bundle has"),
        (EntryType::new(b'V'), "is of a kind that no bundle has"),
        (EntryType::new(b'\0'), "has a header that no bundle has"),
        (EntryType::Directory, "is a directory without a slash"),
    ] {
        let mut forged = Forged::new();
        let raw = header(&path, |header| {
            header.set_entry_type(kind);
            header.set_size(4);
            header.set_link_name("/etc/passwd").unwrap();
        });
        forged.replace_head(&path, raw);
        forged.is_refused(why);
    }
}

#[test]
fn headers_say_things_in_one_way() {
    let path = format!("{TOP}/cat").into_bytes();
    let changes: [(&str, Change); 14] = [
        ("set-user-id", |header| header.set_mode(0o4755)),
        ("set-user-id", |header| header.set_mode(0o2755)),
        ("has a mode that is none", |header| {
            header.set_mode(0o100_644);
        }),
        ("has a header that no", |header| header.set_uid(1000)),
        ("has a header that no", |header| header.set_gid(1000)),
        ("has a header that no", |header| {
            header.set_username("root").unwrap();
        }),
        ("has a header that no", |header| {
            header.set_link_name("x").unwrap();
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[511] = 1;
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[345] = b'x';
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[257..265].fill(0);
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[124..136].copy_from_slice(b"4\0\0\0\0\0\0\0\0\0\0\0");
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x04");
        }),
        ("has a size that is none", |header| {
            header.as_mut_bytes()[124..136].copy_from_slice(b"-0000000004\0");
        }),
        ("has a header that no", |header| {
            header.as_mut_bytes()[136..148].fill(0xff);
        }),
    ];
    for (why, change) in changes {
        let mut forged = Forged::new();
        let raw = header(&path, |header| {
            header.set_size(4);
            change(header);
        });
        forged.replace_head(&path, raw);
        forged.is_refused(why);
    }
    // A sum that is wrong.
    let mut forged = Forged::new();
    let mut raw = header(&path, |header| header.set_size(4));
    raw[148] ^= 1;
    forged.replace_head(&path, raw);
    forged.is_refused("has a header that no bundle has");
    // Something in what only fills a block.
    let mut forged = Forged::new();
    forged.entries[1].content.extend(b"\0\0hidden");
    forged.is_refused("has something after its content");
}

#[test]
fn sizes_do_not_lie() {
    let path = format!("{TOP}/cat").into_bytes();
    for size in [5, 512, 1 << 40, u64::MAX] {
        let mut forged = Forged::new();
        forged.replace_head(&path, head(&path, Kind::File, size).encode());
        forged.is_refused("and its manifest says");
        // And a manifest that says the same.
        forged.set("/bytes", size.saturating_add(1));
        forged.set("/contents/0/paths/0/bytes", size);
        forged.fate().unwrap_err();
    }
    let mut forged = Forged::new();
    forged.replace_head(&path, head(&path, Kind::File, 3).encode());
    forged.is_refused("has something after its content");
    let mut forged = Forged::new();
    let directory = header(format!("{TOP}/").as_bytes(), |header| {
        header.set_entry_type(EntryType::Directory);
        header.set_size(4);
    });
    forged.entries[0].head = directory;
    forged.is_refused("is a directory with content");
    // More than there is room for.
    let mut forged = Forged::new();
    forged.set("/bytes", u64::MAX);
    forged.is_refused("are free");
    let mut forged = Forged::new();
    forged.set("/entries", u64::MAX);
    forged.is_refused("are free");
}

#[test]
fn extensions_are_bounded() {
    let long = |kind, size: u64, content: &[u8]| {
        let mut raw = header(b"././@LongLink", |header| {
            header.set_entry_type(kind);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_size(size);
        });
        raw.extend(content);
        raw.resize(raw.len().next_multiple_of(512), 0);
        raw
    };
    let path = format!("{TOP}/cat").into_bytes();
    let plain = head(&path, Kind::File, 4).encode();
    let with = |front: Vec<u8>| {
        let mut forged = Forged::new();
        forged.replace_head(&path, [front, plain.clone()].concat());
        forged
    };
    with(long(EntryType::GNULongName, 10 << 30, b"x")).is_refused("has too long a path");
    with(long(EntryType::GNULongName, 0, b""))
        .fate()
        .unwrap_err();
    // A long name for what has room in the plain header, and one with another ending.
    with(long(
        EntryType::GNULongName,
        path.len() as u64 + 1,
        &[&*path, b"\0"].concat(),
    ))
    .is_refused("has a header that no bundle has");
    with(long(EntryType::GNULongName, path.len() as u64, &path))
        .fate()
        .unwrap_err();
    let twice = long(EntryType::GNULongName, 2, b"x\0").repeat(2);
    with(twice).is_refused("is of a kind that no bundle has");
    for record in [
        &b"12 size=100\n"[..],
        b"14 path=/etc/x\n",
        b"27 GNU.sparse.realsize=999\n",
        b"30 mtime=1.5\n",
        b"13 mtime=1.5\n",
        b"22 mtime=1.500000000\n",
        b"10 mtime=1\n",
        b"\xff\xff",
        b"",
    ] {
        let fate = with(long(EntryType::XHeader, record.len() as u64, record)).fate();
        let error = fate.unwrap_err();
        assert!(error.contains("header that no bundle has"), "{error}");
    }
    with(long(EntryType::XHeader, 10 << 30, b"")).is_refused("extended header that no bundle");
}

#[test]
fn the_list_of_sums_is_kept_to() {
    let forged = Forged::new();
    let (sums, body) = (forged.sums(), forged.body());
    let refused = |sums: &[u8], why: &str| {
        let error = fate(&[&forged.front(sums), &body]).unwrap_err();
        assert!(error.contains(why), "`{error}` does not say `{why}`");
    };
    let lines: Vec<_> = sums.split_inclusive(|&byte| byte == b'\n').collect();
    refused(&lines[..2].concat(), "entries/x/000000` is not what");
    refused(&[&sums, lines[2]].concat(), "entries/x/000000` is missing");
    refused(&[lines[0], lines[2], lines[1]].concat(), "cat` is not what");
    refused(&lines[1..].concat(), "manifest.json` is not what");
    refused(b"", "manifest.json` is not what");
    refused(&sums.to_ascii_uppercase(), "is not what");
    refused(&[&sums, &b"\n"[..]].concat(), "is missing");
    refused(&[&sums, &b"\xff"[..]].concat(), "is missing");
    let mut wrong = sums.clone();
    let place = lines[0].len();
    wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
    refused(&wrong, "cat` is not what `SHA256SUMS` lists next");
}

#[test]
fn the_manifest_is_kept_to() {
    let changes: [(&str, &str, Value); 22] = [
        ("/version", "has version 2", json!(2)),
        ("/name", "holds the backup `other`", json!("other")),
        ("/name", "manifest is not valid", json!("../up")),
        ("/created_at", "manifest is not valid", json!("yesterday")),
        ("/entries", "its manifest says 2", json!(2)),
        ("/entries", "its manifest says 4", json!(4)),
        ("/bytes", "its manifest says 4", json!(4)),
        ("/bytes", "its manifest says 6", json!(6)),
        ("/bytes", "manifest is not valid", json!(-1)),
        ("/contents/0/id", "names `../x`", json!("../x")),
        ("/contents/0/id", "names ``", json!("")),
        ("/contents/0/id", "is not named", json!("other")),
        ("/contents/0/paths/0/name", "names `../x`", json!("../x")),
        ("/contents/0/paths/0/name", "names `/etc`", json!("/etc")),
        (
            "/contents/0/paths/0/name",
            "names `media/`",
            json!("media/"),
        ),
        (
            "/contents/0/paths/0/name",
            "names `.factory-reset`",
            json!(".factory-reset"),
        ),
        ("/contents/0/paths/0/there", "is not named", json!(false)),
        ("/contents/0/paths/0/files", "its manifest says 2", json!(2)),
        ("/contents/0/paths/0/bytes", "its manifest says 3", json!(3)),
        ("/contents/0/entries", "is not named", json!([])),
        (
            "/contents/0/entries",
            "`steps/media/entries/y` is missing",
            json!(["x", "y"]),
        ),
        ("/contents/0/entries", "named before", json!(["x", "x"])),
    ];
    for (pointer, why, value) in changes {
        let mut forged = Forged::new();
        forged.set(pointer, value);
        forged.is_refused(why);
    }
    let mut forged = Forged::new();
    forged.manifest["surprise"] = json!(true);
    forged.is_refused("manifest is not valid");
    let mut forged = Forged::new();
    let step = forged.manifest["contents"][0].clone();
    forged.manifest["contents"]
        .as_array_mut()
        .unwrap()
        .push(step);
    forged.is_refused("names `media`, which is not valid or named before");
    for (one, other) in [
        ("media", "media"),
        ("media", "media/in"),
        ("media/in", "media"),
    ] {
        let mut forged = Forged::new();
        let path = |name| json!({ "name": name, "there": true, "files": 0, "bytes": 0 });
        let between = path("media-x");
        forged.set(
            "/contents/0/paths",
            json!([path(one), between, path(other)]),
        );
        forged.is_refused("named before");
    }
    let mut forged = Forged::new();
    let table = json!({ "name": "a", "rows": 0, "definition": "", "path": "steps/media/files/a" });
    forged.set("/contents/0/tables", json!([table]));
    forged.is_refused("names `steps/media/files/a`");
    let mut forged = Forged::new();
    forged.set("/contents/0/label", "l".repeat(17 << 20));
    forged.is_refused("at most 16777216 are read");
}

#[test]
fn parts_come_without_gaps() {
    for wrong in ["000001", "0", "x", "000000/x"] {
        let mut forged = Forged::new();
        forged.entries.pop();
        forged.add(&format!("steps/media/entries/x/{wrong}"), Some("x"));
        forged.is_refused("is not the part that has to come next");
    }
    let mut forged = Forged::new();
    forged.add_counted("steps/media/entries/x/000001", Some("more"));
    forged.is_refused("is not the part that has to come next");
    let mut forged = Forged::new();
    forged.entries.pop();
    let long = "x".repeat(layout::PART + 1);
    forged.add("steps/media/entries/x/000000", Some(&long));
    forged.count("/bytes", layout::PART as u64);
    forged.is_refused("is a part of a wrong length");
    let mut forged = Forged::new();
    forged.entries.pop();
    forged.add("steps/media/entries/x", None);
    forged.count("/entries", 1);
    forged.is_refused("is not the part that has to come next");
}

#[test]
fn the_archive_ends_once() {
    let mut forged = Forged::new();
    forged.end = vec![0; 512];
    forged.is_refused("compressed form is wrong");
    forged.end = Vec::new();
    forged.is_refused("compressed form is wrong");
    forged.end = vec![0; 1025];
    forged.is_refused("something follows the end of the archive");
    forged.end = vec![0; 10240];
    forged.is_refused("something follows the end of the archive");
    forged.end = [vec![0; 1024], forged.body()].concat();
    forged.is_refused("something follows the end of the archive");
    forged.end = [vec![0; 512], vec![1; 512]].concat();
    forged.is_refused("something follows the end of the archive");
}

#[test]
fn frames_are_two_with_a_checksum_and_a_small_window() {
    let forged = Forged::new();
    let (front, body) = (forged.front(&forged.sums()), forged.body());
    fate(&[&front, &body[..512], &body[512..]]).unwrap_err();
    fate(&[&[&*front, &*body].concat()]).unwrap_err();
    fate(&[&front, &body]).unwrap();

    let fixture = Fixture::new();
    fixture.backups.make().unwrap();
    let mut first = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    first.include_checksum(true).unwrap();
    first.window_log(27).unwrap();
    for chunk in front.chunks(7) {
        first.write_all(chunk).unwrap();
    }
    let wide = first.finish().unwrap();
    let mut second = frames::encoder(Vec::new()).unwrap();
    second.write_all(&body).unwrap();
    let second = second.finish().unwrap();
    fs::write(
        fixture.file("forged.tar.zst"),
        [wide, second.clone()].concat(),
    )
    .unwrap();
    let error = crate::chain(&fixture.unpack("forged").unwrap_err());
    assert!(error.contains("too much memory"), "{error}");
    let bare = zstd::encode_all(&*front, 3).unwrap();
    fs::write(fixture.file("forged.tar.zst"), [bare, second].concat()).unwrap();
    let error = crate::chain(&fixture.unpack("forged").unwrap_err());
    assert!(
        error.contains("no frame of zstd with a checksum"),
        "{error}"
    );
}

#[test]
fn a_bomb_stops_at_what_is_declared() {
    let forged = Forged::new();
    let front = forged.front(&forged.sums());
    let mut body = forged.body();
    body.truncate(body.len() - 1024);
    let zeros = vec![0; 256 << 20];
    fate(&[&front, &[&*body, &zeros].concat()]).unwrap_err();
    let path = format!("{TOP}/bomb").into_bytes();
    let bomb = head(&path, Kind::File, zeros.len() as u64).encode();
    let error = fate(&[&front, &[&*body, &bomb, &zeros].concat()]).unwrap_err();
    assert!(error.contains("its manifest says 3"), "{error}");
}
