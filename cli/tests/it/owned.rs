//! Data that belongs to another user than root, as whom these tests have to run.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::bench::Bench;

/// A user with an entry in the user database.
pub(crate) const NOBODY: u32 = 65534;

/// A user without one.
pub(crate) const UNKNOWN: u32 = 54321;

impl Bench {
    /// A data directory of `uid` in a directory of root that all can search.
    pub(crate) fn of(uid: u32) -> Self {
        let bench = Self::new();
        set_mode(bench.path(), 0o755);
        give(&bench.data(), uid);
        bench
    }

    /// Runs a shell script as `uid` in the data directory.
    pub(crate) fn as_user(&self, uid: u32, script: &str) -> Output {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={uid}"))
            .args(["--clear-groups", "sh", "-c", script])
            .current_dir(self.data());
        command.output().unwrap()
    }

    /// A manifest of root, in a directory of root.
    pub(crate) fn manifest(&self, more: &str) {
        self.write(
            "factory-reset.toml",
            format!("name = \"shop\"\ndata_dir = \"data\"\nbackups = \"backups\"\n{more}\n"),
        );
        set_mode(&self.path().join("factory-reset.toml"), 0o600);
    }

    /// A file of root that no other user may read or write.
    pub(crate) fn victim(&self) -> PathBuf {
        self.write("root/victim", "of root");
        let victim = self.path().join("root/victim");
        set_mode(&victim, 0o600);
        victim
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Gives a file, or a directory with all that is in it, to `uid`.
pub(crate) fn give(path: &Path, uid: u32) {
    for entry in walkdir::WalkDir::new(path) {
        chown(entry.unwrap().path(), Some(uid), Some(uid)).unwrap();
    }
}

/// Everything below `path` that does not belong to `uid`.
pub(crate) fn not_of(path: &Path, uid: u32) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(path).into_iter();
    let entries = entries.map(|entry| entry.unwrap().into_path());
    entries
        .filter(|path| path.symlink_metadata().unwrap().uid() != uid)
        .collect()
}

/// The processes that `parent` has begun.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    let is_child = |process: &u32| field(*process, "PPid").as_deref() == Some(&parent.to_string());
    processes
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(is_child)
        .collect()
}

/// A field of a process's status.
pub(crate) fn field(process: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}
