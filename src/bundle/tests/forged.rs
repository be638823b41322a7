//! A bundle that nobody's writer has written.

use std::io::Write;

use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::*;
use crate::bundle::hashing::sum;
use crate::bundle::head::{Head, Kind};

/// What a bundle is made of, before it is compressed.
pub(super) struct Forged {
    pub(super) manifest: Value,
    pub(super) entries: Vec<Entry>,
    pub(super) end: Vec<u8>,
}

pub(super) struct Entry {
    /// Whether it stands among the sums.
    pub(super) is_listed: bool,
    pub(super) path: Vec<u8>,
    pub(super) head: Vec<u8>,
    pub(super) content: Vec<u8>,
}

pub(super) type Change = fn(&mut Header);

pub(super) const TOP: &str = "steps/media/files/media";

pub(super) fn head(path: &[u8], kind: Kind, size: u64) -> Head {
    Head {
        path: path.to_vec(),
        kind,
        mode: 0o700,
        modified: (1, 0),
        size,
    }
}

/// A header that says this, with a sum that is right.
pub(super) fn header(path: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..path.len().min(100)].copy_from_slice(&path[..path.len().min(100)]);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(0);
    header.set_entry_type(EntryType::Regular);
    change(&mut header);
    header.set_cksum();
    header.as_bytes().to_vec()
}

impl Forged {
    /// One that is right.
    pub(super) fn new() -> Self {
        let mut forged = Self {
            manifest: json!({
                "version": 1,
                "name": "forged",
                "created_at": "2026-01-02T03:04:05Z",
                "run": null,
                "database": null,
                "contents": [{
                    "id": "media",
                    "label": "Media",
                    "tables": [],
                    "paths": [{ "name": "media", "there": true, "files": 1, "bytes": 4 }],
                    "entries": ["x"],
                }],
                "entries": 3,
                "bytes": 5,
            }),
            entries: Vec::new(),
            end: vec![0; 1024],
        };
        forged.add(TOP, None);
        forged.add(&format!("{TOP}/cat"), Some("meow"));
        forged.add("steps/media/entries/x/000000", Some("x"));
        forged
    }

    /// Adds an entry as the writer would.
    pub(super) fn add(&mut self, path: &str, content: Option<&str>) {
        let kind = content.map_or(Kind::Directory, |_| Kind::File);
        let content = content.unwrap_or_default().as_bytes();
        let head = head(path.as_bytes(), kind, content.len() as u64);
        self.entries.push(Entry {
            is_listed: kind == Kind::File,
            path: path.into(),
            head: head.encode(),
            content: content.to_vec(),
        });
    }

    /// Adds an entry in its own right, and to the counts.
    pub(super) fn add_counted(&mut self, path: &str, content: Option<&str>) {
        self.add(path, content);
        let length = content.map_or(0, str::len) as u64;
        self.count("/entries", 1);
        self.count("/bytes", length);
        if path.contains("/files/") {
            self.count("/contents/0/paths/0/files", content.map_or(0, |_| 1));
            self.count("/contents/0/paths/0/bytes", length);
        }
    }

    pub(super) fn count(&mut self, pointer: &str, more: u64) {
        let count = self.manifest.pointer_mut(pointer).unwrap();
        *count = (count.as_u64().unwrap() + more).into();
    }

    pub(super) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        *self.manifest.pointer_mut(pointer).unwrap() = value.into();
    }

    /// Replaces the header of the file in the tree.
    pub(super) fn replace_head(&mut self, path: &[u8], raw: Vec<u8>) {
        self.entries[1].path = path.to_vec();
        self.entries[1].head = raw;
    }

    pub(super) fn sums(&self) -> Vec<u8> {
        let text = self.manifest.to_string();
        let mut lines = sums::line(&sum(text.as_bytes()), b"manifest.json");
        for entry in self.entries.iter().filter(|entry| entry.is_listed) {
            lines.extend(sums::line(&sum(&entry.content), &entry.path));
        }
        lines
    }

    pub(super) fn front(&self, sums: &[u8]) -> Vec<u8> {
        let text = self.manifest.to_string().into_bytes();
        let mut front = Vec::new();
        for (path, content) in [("manifest.json", &*text), ("SHA256SUMS", sums)] {
            front.extend(Head::plain(path, content.len() as u64, 1).encode());
            front.extend(content);
            front.resize(front.len().next_multiple_of(512), 0);
        }
        front
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for entry in &self.entries {
            body.extend(&entry.head);
            body.extend(&entry.content);
            body.resize(body.len().next_multiple_of(512), 0);
        }
        body.extend(&self.end);
        body
    }

    /// Tries to unpack it. Returns the error's whole text.
    pub(super) fn fate(&self) -> Result<(), String> {
        fate(&[&self.front(&self.sums()), &self.body()])
    }

    pub(super) fn is_refused(&self, why: &str) {
        let error = self.fate().unwrap_err();
        assert!(error.contains(why), "`{error}` does not say `{why}`");
    }
}

pub(super) fn fate(frames: &[&[u8]]) -> Result<(), String> {
    let fixture = Fixture::new();
    fixture.backups.make().unwrap();
    let mut bundle = Vec::new();
    for content in frames {
        let mut frame = frames::encoder(&mut bundle).unwrap();
        frame.write_all(content).unwrap();
        frame.finish().unwrap();
    }
    fs::write(fixture.file("forged.tar.zst"), bundle).unwrap();
    let unpacked = fixture.unpack("forged");
    unpacked.map(drop).map_err(|error| crate::chain(&error))
}
