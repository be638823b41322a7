//! Writes the manifest: whole or not at all.

use std::io::{ErrorKind, Write};
use std::path::Path;

use factory_reset::cli::{Exit, Failure};
use tempfile::NamedTempFile;

/// Writes `text` to `path`, which only its owner may read, for an address may hold a password.
pub(crate) fn manifest(path: &Path, text: &str, is_forced: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let exit = match error.kind() {
            ErrorKind::AlreadyExists => Exit::Refused,
            _ => Exit::Unreachable,
        };
        let text = format!(
            "`--output`: `{}` cannot be written: {error}",
            path.display()
        );
        Failure::new(exit, text)
    };
    // A device or a FIFO would be replaced by the file.
    let is_there = path.symlink_metadata();
    if is_forced && is_there.is_ok_and(|it| !it.is_file() && !it.is_symlink()) {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let kept = match is_forced {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    };
    kept.map(drop).map_err(|error| failed(error.error))
}
