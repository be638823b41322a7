use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt as _;
use tokio::task::spawn_blocking;

/// Which users of the machine may read a generated file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Readers {
    /// All, a web server among them.
    All,
    /// The service alone.
    Owner,
}

/// Writes a file for these readers: whole or not at all, and on disk before this
/// returns. Its folder is created where it is missing.
pub(crate) async fn write(path: PathBuf, contents: Vec<u8>, readers: Readers) -> io::Result<()> {
    spawn_blocking(move || write_now(&path, &contents, readers))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// The same, on a thread that may wait.
pub(crate) fn write_now(path: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let (folder_mode, file_mode) = match readers {
        Readers::All => (0o755, 0o644),
        Readers::Owner => (0o700, 0o600),
    };
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(folder_mode)
            .create(folder)?;
    }
    let mut file = AtomicWriteFile::options()
        .mode(file_mode)
        .preserve_mode(false)
        .open(path)?;
    file.write_all(contents)?;
    file.commit()
}
