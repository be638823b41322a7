//! The files of a database, before SQLite opens them.

use std::fs::{Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super_journal;

/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnsafeFile {
    #[error("`{}` cannot be examined: see who may read it", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("`{}` is not a regular file: remove it, or name the database's own path", .0.display())]
    NotRegular(PathBuf),
    #[error(
        "`{}` belongs to user {owner}, who may not write to the database `{}`: remove it, or \
         correct its owner",
        .file.display(), .database.display()
    )]
    OtherOwner {
        file: PathBuf,
        owner: u32,
        database: PathBuf,
    },
    #[error(
        "`{}` belongs to user {owner}, and this process runs as user {user}: run it as the owner",
        .database.display()
    )]
    OtherUser {
        database: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error(
        "`{}` would make SQLite use or delete `{}`, which is not beside the database: let the \
         service open the database once under its own user, or remove the journal",
        .journal.display(), .named.display()
    )]
    SuperJournal { journal: PathBuf, named: PathBuf },
}

/// Makes sure that opening the database `file` touches nothing but regular files beside it, and tells
/// whether there is one: one that is missing is left to SQLite. Blocks.
///
/// The files of the database itself are not opened: closing one would drop the locks that SQLite has
/// on it for this process
/// (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
pub(super) fn check(file: &Path) -> Result<bool, UnsafeFile> {
    let Some((database, status)) = resolve(file)? else {
        return Ok(false);
    };
    for suffix in COMPANIONS {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        let path = PathBuf::from(path);
        let companion = match path.symlink_metadata() {
            Ok(companion) => companion,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(UnsafeFile::Unreadable(path, error)),
        };
        if !companion.is_file() {
            return Err(UnsafeFile::NotRegular(path));
        }
        let owner = companion.uid();
        let may_write = status.mode() & 0o022 != 0;
        if !may_write && ![status.uid(), geteuid().as_raw(), 0].contains(&owner) {
            return Err(UnsafeFile::OtherOwner {
                file: path,
                owner,
                database,
            });
        }
        if suffix == "-journal" {
            match super_journal::foreign(&database, &path) {
                Ok(None) => {}
                Ok(Some(named)) => {
                    let journal = path;
                    return Err(UnsafeFile::SuperJournal { journal, named });
                }
                Err(error) => return Err(UnsafeFile::Unreadable(path, error)),
            }
        }
    }
    Ok(true)
}

/// Lets nobody but its owner use the database `file`, which SQLite has just created with the mode
/// that the umask leaves, nor what is beside it already. Blocks.
pub(super) fn make_private(file: &Path) -> Result<(), UnsafeFile> {
    let Some((database, _)) = resolve(file)? else {
        return Ok(());
    };
    for suffix in [&[""], &COMPANIONS[..]].concat() {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        let path = PathBuf::from(path);
        match std::fs::set_permissions(&path, Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(UnsafeFile::Unreadable(path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes sure that the database `file` belongs to the user that this process runs as. Blocks.
pub(super) fn check_owner(file: &Path) -> Result<(), UnsafeFile> {
    let Some((database, status)) = resolve(file)? else {
        return Ok(());
    };
    let (owner, user) = (status.uid(), geteuid().as_raw());
    match owner == user {
        true => Ok(()),
        false => Err(UnsafeFile::OtherUser {
            database,
            owner,
            user,
        }),
    }
}

/// The file itself, where `file` is a link to it; nothing where there is none.
fn resolve(file: &Path) -> Result<Option<(PathBuf, Metadata)>, UnsafeFile> {
    let database = match file.canonicalize() {
        Ok(database) => database,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match file.symlink_metadata() {
                // A link to nothing: SQLite would make what it names.
                Ok(_) => Err(UnsafeFile::NotRegular(file.to_owned())),
                Err(_) => Ok(None),
            };
        }
        Err(error) => return Err(UnsafeFile::Unreadable(file.to_owned(), error)),
    };
    let status = database.symlink_metadata();
    let status = status.map_err(|error| UnsafeFile::Unreadable(database.clone(), error))?;
    match status.is_file() {
        true => Ok(Some((database, status))),
        false => Err(UnsafeFile::NotRegular(database)),
    }
}
