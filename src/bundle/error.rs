//! What goes wrong with backups.

use std::path::PathBuf;

use super::fault::BundleFault;
use super::manifest::LONGEST;
use super::name::BundleName;
use crate::data_directory::PathError;

/// Why a backup could not be written, listed, removed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file system refused.
    #[error("the file system refused")]
    Path(#[from] PathError),
    /// There is one of that name.
    #[error("there is already a backup `{0}`: choose another name, or remove that one")]
    Exists(BundleName),
    /// There is none of that name.
    #[error("there is no backup `{0}`: list them to see what there is")]
    NotFound(BundleName),
    /// A backup holds files and directories only.
    #[error(
        "`{}` is {kind}, and a backup holds files and directories only: remove it, or preserve it",
        path.display()
    )]
    NotPlain {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A file runs as its owner or group.
    #[error(
        "`{}` has the set-user-id or set-group-id bit, which a backup does not carry: take it \
         away with `chmod u-s,g-s`", .0.display()
    )]
    SetId(PathBuf),
    /// A file was written while it was read.
    #[error("`{}` changed while it was saved: stop what writes it, and try again", .0.display())]
    Changed(PathBuf),
    /// A path is too long or too deep for an archive.
    #[error(
        "`{}` {reason}: move it up, or give it a shorter name",
        super::fault::shown(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
    )]
    Unfit {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What a step gives could not be read.
    #[error("could not read what is to be saved as `{entry}`")]
    Content {
        /// Where it was to lie in the archive.
        entry: String,
        /// What its source said.
        source: std::io::Error,
    },
    /// Something was to be saved a second time.
    #[error("`{0}` is already saved: save it once")]
    Twice(String),
    /// Something was not saved to its end.
    #[error("`{0}` was not saved to its end: give the backup up")]
    Unfinished(String),
    /// What was written is not what the manifest would name.
    #[error("`{0}` is either saved and not named, or named and not saved")]
    Named(String),
    /// The manifest would be too long.
    #[error(
        "the manifest would have {0} bytes, and {LONGEST} is the most: let steps save fewer \
         entries"
    )]
    LongManifest(usize),
    /// The bundle does not fit.
    #[error("it needs {needed} {what}, and {free} are free: make room first")]
    NoRoom {
        /// Of what there is too little.
        what: &'static str,
        /// How much of it is needed.
        needed: u64,
        /// How much may be used.
        free: u64,
    },
    /// The file is no bundle that can be restored.
    #[error("the backup `{bundle}` cannot be used: restore another one")]
    Unusable {
        /// The bundle.
        bundle: BundleName,
        /// What is wrong with it.
        #[source]
        fault: BundleFault,
    },
}
