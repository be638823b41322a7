//! The file of a SQLite database, which only its owner may read.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The database itself, and what SQLite keeps beside it.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Creates the file of a database with mode 600 before SQLite opens it, because SQLite would create
/// it with the mode that the process's umask leaves. What SQLite puts beside it gets the same mode.
/// A database that is there already, and that others may read or write, is taken away from them.
///
/// # Errors
///
/// When the file is missing and cannot be created, or its mode cannot be read.
pub fn prepare(file: &Path) -> io::Result<()> {
    let created = OpenOptions::new()
        .write(true)
        // A link is not followed either.
        .create_new(true)
        .mode(0o600)
        .open(file);
    match created {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => tighten(&file.canonicalize()?),
        Err(error) => Err(error),
    }
}

fn tighten(file: &Path) -> io::Result<()> {
    for suffix in SUFFIXES {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        let status = match path.symlink_metadata() {
            Ok(status) => status,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mode = status.permissions().mode() & 0o777;
        if !status.is_file() || mode & 0o077 == 0 {
            continue;
        }
        // By its path, because closing it would drop the locks that SQLite has on it.
        match std::fs::set_permissions(&path, Permissions::from_mode(mode & 0o700)) {
            Ok(()) => tracing::warn!(
                path = %path.display(),
                "other users could use this file of the database; now only its owner can"
            ),
            // The service may work on a file of another user.
            Err(error) => tracing::warn!(
                path = %path.display(), %error,
                "other users can use this file of the database: give it mode 600"
            ),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_database_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new.db");
        prepare(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        prepare(&file).unwrap();
    }

    #[test]
    fn an_old_database_is_taken_away_from_others_with_what_is_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other");
        let files = ["old.db", "old.db-wal"].map(|name| directory.path().join(name));
        for file in files.iter().chain([&other]) {
            std::fs::write(file, "").unwrap();
            std::fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
        }
        std::os::unix::fs::symlink(&other, directory.path().join("old.db-shm")).unwrap();
        prepare(&files[0]).unwrap();
        assert_eq!(files.map(|file| mode(&file)), [0o600, 0o600]);
        assert_eq!(mode(&other), 0o644, "a link is not followed");
    }

    #[test]
    fn a_link_to_nothing_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (link, target) = (
            directory.path().join("link.db"),
            directory.path().join("target"),
        );
        std::os::unix::fs::symlink(&target, &link).unwrap();
        prepare(&link).unwrap_err();
        assert!(!target.exists());
    }
}
