//! Where a host under test keeps its data.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use walkdir::WalkDir;

/// In memory where there is such a file system: syncing costs nothing there, and what a disk
/// may lose is modelled anyway.
#[must_use]
pub fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Copies a directory with its modes.
pub fn copy(from: &Path, to: &Path) {
    for entry in WalkDir::new(from) {
        let entry = entry.unwrap();
        let to = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir(&to).unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}
