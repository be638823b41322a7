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

impl PathError {
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
