//! What the tests of bundles share.

mod crash;
mod damage;
mod forged;
mod hostile;
mod limits;
mod planted;
mod programs;
mod property;
mod round_trip;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode};
use tempfile::TempDir;

use super::*;
use crate::data_directory::{CheckedDirectory, DataDirectory, Owners};
use crate::relative_path::RelativePath;

/// A data directory, and a place to unpack into with something beside it that must stay.
struct Fixture {
    directory: TempDir,
    data_directory: Arc<DataDirectory>,
    backups: Backups,
    targets: TempDir,
}

fn path(text: &str) -> RelativePath {
    RelativePath::new(text).unwrap()
}

fn name(text: &str) -> BundleName {
    text.parse().unwrap()
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data_directory = Arc::new(DataDirectory::open(directory.path()).unwrap());
        let backups = Backups::new(data_directory.clone(), path("backups"));
        let targets = tempfile::tempdir().unwrap();
        fs::write(targets.path().join("outside"), "untouched").unwrap();
        Self {
            directory,
            data_directory,
            backups,
            targets,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("backups").join(name)
    }

    fn files(&self) -> Vec<OsString> {
        let mut files: Vec<_> = fs::read_dir(self.directory.path().join("backups"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        files.sort();
        files
    }

    fn target(&self) -> PathBuf {
        self.targets.path().join("target")
    }

    fn opened_target(&self) -> CheckedDirectory {
        let target = self.target();
        let name = target.to_str().unwrap();
        let opened = CheckedDirectory::open(CWD, name, target.clone(), Owners::PROCESS);
        opened.unwrap().unwrap()
    }

    /// Unpacks into a fresh directory, and looks that nothing came beside it.
    fn unpack(&self, bundle: &str) -> Result<Unpacked, BundleError> {
        let target = self.target();
        if target.exists() {
            fs::remove_dir_all(&target).unwrap();
        }
        fs::create_dir(&target).unwrap();
        let unpacked = unpack(&self.backups, &name(bundle), self.opened_target(), 0);
        let beside = fs::read_dir(self.targets.path()).unwrap().count();
        assert_eq!(beside, 2, "something was made beside the target");
        let outside = fs::read(self.targets.path().join("outside")).unwrap();
        assert_eq!(outside, b"untouched");
        unpacked
    }

    /// Saves these paths as the step `media`.
    fn save(&self, bundle: &str, paths: &[&str]) -> Result<BundleInfo, BundleError> {
        let mut writer = BundleWriter::create(&self.backups, &name(bundle))?;
        let mut step = step("media");
        for claimed in paths {
            let saved = writer.add_path(&self.data_directory, "media", &path(claimed))?;
            step.paths.push(saved);
        }
        writer.finish(None, None, vec![step])
    }

    /// A bundle with something of each sort.
    fn save_sample(&self, bundle: &str) -> BundleInfo {
        let media = self.directory.path().join("media");
        fs::create_dir_all(media.join("empty")).unwrap();
        fs::write(media.join("cat.jpg"), "meow").unwrap();
        let mut writer = BundleWriter::create(&self.backups, &name(bundle)).unwrap();
        let mut content = step("tables");
        writer
            .add_table("tables", "posts", &mut &b"rows"[..])
            .unwrap();
        writer.add_table("tables", "a/b.ä", &mut &b""[..]).unwrap();
        content.tables = vec![
            SavedTable::new("tables", "posts", 1, "CREATE TABLE posts".to_owned()),
            SavedTable::new("tables", "a/b.ä", 0, String::new()),
        ];
        let mut files = step("media");
        for claimed in ["media", "absent"] {
            let saved = writer.add_path(&self.data_directory, "media", &path(claimed));
            files.paths.push(saved.unwrap());
        }
        writer
            .add_entry("media", "index", &mut &b"own"[..])
            .unwrap();
        files.entries.push("index".to_owned());
        let contents = vec![content, files];
        writer
            .finish(
                Some(uuid::Uuid::nil()),
                Some("sqlite-1".to_owned()),
                contents,
            )
            .unwrap()
    }
}

fn step(id: &str) -> SavedStep {
    SavedStep {
        id: id.to_owned(),
        label: format!("The step {id}"),
        ..SavedStep::default()
    }
}

/// All that a bundle keeps of a tree: kind and mode, time, content.
type Snapshot = BTreeMap<Vec<u8>, (u32, (i64, i64), Vec<u8>)>;

fn snapshot(top: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut left = vec![top.to_owned()];
    while let Some(here) = left.pop() {
        let status = fs::symlink_metadata(&here).unwrap();
        let content = if status.is_dir() {
            left.extend(
                fs::read_dir(&here)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            Vec::new()
        } else {
            fs::read(&here).unwrap()
        };
        let name = here.strip_prefix(top).unwrap().as_os_str().as_bytes();
        let times = (status.mtime(), status.mtime_nsec());
        found.insert(name.to_vec(), (status.mode(), times, content));
    }
    found
}
