//! File systems that are there for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, unmounted when dropped.
pub(crate) struct Mount {
    at: PathBuf,
}

impl Mount {
    /// A file system in memory.
    pub(crate) fn tmpfs(at: &Path, size: &str) -> Self {
        Self::new(at, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// An ext4 of `size` bytes in the file `image`, without blocks set aside for root. Its blocks
    /// are as large as those of any large disk: where they are smaller than a page, SQLite does
    /// not allocate all of the memory that its connections share, and dies on a full disk.
    pub(crate) fn ext4(image: &Path, at: &Path, size: u64) -> Self {
        fs::File::create(image).unwrap().set_len(size).unwrap();
        let image = image.to_str().unwrap();
        run("mkfs.ext4", &["-q", "-m", "0", "-b", "4096", image]);
        Self::new(at, &["-o", "loop", image])
    }

    /// The directory `source` a second time.
    pub(crate) fn bind(source: &Path, at: &Path) -> Self {
        Self::new(at, &["--bind", source.to_str().unwrap()])
    }

    /// The directory `source` a second time, where nothing can be written.
    pub(crate) fn read_only(source: &Path, at: &Path) -> Self {
        let mount = Self::bind(source, at);
        run("mount", &["-o", "remount,bind,ro", at.to_str().unwrap()]);
        mount
    }

    fn new(at: &Path, arguments: &[&str]) -> Self {
        fs::create_dir_all(at).unwrap();
        run("mount", &[arguments, &[at.to_str().unwrap()]].concat());
        Self { at: at.to_owned() }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Also while a process that is about to end still has files open there.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Runs a program of the system, which must succeed: these tests need root.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
}
