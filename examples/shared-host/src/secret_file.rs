//! Files that only their owner may read.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt as _;

/// Writes a file that only its owner may read: whole or not at all, and on disk
/// before this returns.
///
/// # Errors
///
/// When it cannot be written; what was there before is still there then.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::options()
        .mode(0o600)
        // A file that someone has opened up must not pass its mode on.
        .preserve_mode(false)
        .open(path)?;
    file.write_all(contents)?;
    file.commit().inspect_err(|_| {
        // Best effort: the next start tries again.
        let _ = remove_leftovers(path);
    })
}

/// Removes what a crash in the middle of a write has left beside the file: it holds
/// the secret, under a name that nobody looks for.
///
/// # Errors
///
/// When the folder cannot be read, or a file in it cannot be removed.
pub fn remove_leftovers(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    // As `atomic-write-file` names them.
    let prefix = format!(".{}.", name.display());
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if random.is_some_and(|random| random.len() == 6) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes such a file, on disk before this returns; it may be missing.
///
/// # Errors
///
/// When it is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        result => result?,
    }
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_only_even_where_the_old_file_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();

        // A crash in the middle of an earlier write.
        std::fs::write(folder.path().join(".secret.aB3dE6"), "half").unwrap();

        write(&path, b"new").unwrap();
        remove_leftovers(&path).unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
