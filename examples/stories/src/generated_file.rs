use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt as _;
use tokio::task::spawn_blocking;

/// Writes a file that everybody may read: whole or not at all, and on disk before this
/// returns. Its folder is created where it is missing.
pub(crate) async fn write(path: PathBuf, contents: Vec<u8>) -> io::Result<()> {
    spawn_blocking(move || write_now(&path, &contents))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The same, on a thread that may wait.
pub(crate) fn write_now(path: &Path, contents: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)?;
    }
    let mut file = AtomicWriteFile::options()
        .mode(0o644)
        .preserve_mode(false)
        .open(path)?;
    file.write_all(contents)?;
    file.commit()
}
