//! What can be wrong with a path in the data directory.

use std::path::PathBuf;

/// Why something in the data directory could not be read, moved or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The operating system refused.
    #[error("could not {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The path is a mount point, or lies on another file system than the data directory.
    #[error(
        "`{}` is a mount point or lies on another file system than the data directory: \
         unmount it, or preserve it", .0.display()
    )]
    OtherFileSystem(PathBuf),
    /// An entry of a directory that the crate keeps for itself is not what the crate puts there.
    #[error("`{}` {flaw}", path.display())]
    Flawed {
        /// The entry.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The process is root, and the data directory is another user's.
    #[error(
        "the data directory `{}` belongs to user {owner}, and this process runs as root: run it as \
         that user, or, if that user may act with the rights of root, build the engine with \
         `.trust_data_directory(true)`", path.display()
    )]
    OtherOwner {
        /// The data directory.
        path: PathBuf,
        /// The id of the user that owns it.
        owner: u32,
    },
    /// The process is root, and another user can replace a directory above the data directory.
    #[error(
        "other users can change `{}`, which leads to the data directory `{}`, and this process \
         runs as root: run it as the user of the service, or make root the owner of that \
         directory and run `chmod go-w` on it, or build the engine with \
         `.trust_data_directory(true)`", above.display(), path.display()
    )]
    Replaceable {
        /// The data directory.
        path: PathBuf,
        /// The directory above it.
        above: PathBuf,
    },
    /// Another process has the data directory.
    #[error(
        "process {holder} already uses the data directory `{}`: \
         stop it, or give this one a directory of its own", .path.display()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process that has it, or `unknown`.
        holder: String,
    },
    /// Nobody could look in time.
    #[error(
        "what was written at cleared paths during the reset is left alone, for by now it may be \
         the service's: look at it yourself"
    )]
    LeftAlone,
    /// A step tried to remove a path that its plan does not name.
    #[error("`{0}` is not in the step's plan: claim it, so that it is counted and shown first")]
    NotPlanned(String),
    /// A step went on after it had been given up.
    #[error("`{0}` was to be removed after its step had been given up: raise `.step_timeout(…)`")]
    TooLate(String),
}

/// What is wrong with an entry of a directory that the crate keeps for itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is no regular file.
    #[error("is {0}, and a regular file is expected: find out who put it there, and remove it")]
    NotAFile(&'static str),
    /// It is no directory.
    #[error("is {0}, and a directory is expected: find out who put it there, and remove it")]
    NotADirectory(&'static str),
    /// The file has another name, by which it can be written.
    #[error("has more than one hard link: replace it by a copy of itself, or remove it")]
    Links,
    /// Another user owns it, and can change it.
    #[error(
        "belongs to user {owner}, and this process runs as user {process}: find out who put it \
         there, and remove it or run `chown {process}` on it"
    )]
    Owner {
        /// The id of the user that owns it.
        owner: u32,
        /// The id of the user that the process runs as.
        process: u32,
    },
    /// Other users can write to the directory, and that cannot be changed.
    #[error(
        "can be written to by other users: run `chown {process}` and `chmod 700` on it, if what is \
         in it is not theirs"
    )]
    Writable {
        /// The id of the user that the process runs as.
        process: u32,
    },
    /// The file is longer than anything that the crate writes there.
    #[error("has more than {0} bytes, which are the most that is read: move it away")]
    TooLong(u64),
}

impl PathError {
    pub(crate) fn flawed(path: impl Into<PathBuf>, flaw: Flaw) -> Self {
        let path = path.into();
        Self::Flawed { path, flaw }
    }

    /// Wraps an answer of the operating system, for use with `map_err`.
    pub(crate) fn io<E: Into<std::io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source: source.into(),
        }
    }
}
