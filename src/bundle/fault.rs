//! What can be wrong with a bundle's content.

use super::error::BundleError;
use super::manifest::{LONGEST, VERSION};
use super::name::BundleName;

/// Why a file is not a bundle that can be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// It is no regular file.
    #[error("it is no regular file")]
    NotAFile,
    /// Its file has another name, by which it can be written while it is read.
    #[error("it has more than one hard link: replace it by a copy of itself")]
    Links,
    /// It is cut off, is damaged, or something follows it.
    #[error("its compressed form is wrong")]
    Compressed(#[source] std::io::Error),
    /// Its sum is not the one that stands beside it.
    #[error("its SHA-256 is `{found}`, and `{file}` says `{expected}`")]
    Sum {
        /// The file that holds the sum.
        file: String,
        /// What stands there.
        expected: String,
        /// What the bundle's sum is.
        found: String,
    },
    /// The file beside it that holds its sum is not in the format of `sha256sum`.
    #[error("`{0}` does not hold its sum: remove that file, if you trust the bundle without it")]
    SumFile(String),
    /// The manifest or the list of sums is not where it has to be.
    #[error("`{found}` stands where `{expected}` has to")]
    Order {
        /// What has to be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The manifest is too long.
    #[error("its manifest has {0} bytes: at most {LONGEST} are read")]
    LongManifest(u64),
    /// The manifest cannot be read.
    #[error("its manifest is not valid")]
    Manifest(#[source] serde_json::Error),
    /// The manifest has another version.
    #[error("it has version {0}: this program knows {VERSION}")]
    Version(u32),
    /// The manifest names another backup.
    #[error("it holds the backup `{0}`: give its file that name again")]
    Name(String),
    /// The manifest says something twice, or what cannot be.
    #[error("its manifest names `{0}`, which is not valid or named before")]
    Named(String),
    /// An entry is not written as bundles are: a link, a device, a header that says things in
    /// another way.
    #[error("the entry `{entry}` {reason}")]
    Entry {
        /// The entry's name, as well as it can be shown.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry's content does not have the sum that the list gives.
    #[error("the entry `{0}` is not what `SHA256SUMS` lists next: it is damaged, or not listed")]
    Content(String),
    /// Something that the manifest or the list of sums names is not there.
    #[error("`{0}` is missing or not complete")]
    Missing(String),
    /// There is more or less than the manifest says.
    #[error("it holds {found} {what}, and its manifest says {expected}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// What the manifest says.
        expected: u64,
        /// What there is, or how much of it had been seen.
        found: u64,
    },
    /// Something follows the end of the archive.
    #[error("something follows the end of the archive")]
    Trailing,
}

impl BundleFault {
    pub(super) fn of(self, bundle: &BundleName) -> BundleError {
        let bundle = bundle.clone();
        BundleError::Unusable {
            bundle,
            fault: self,
        }
    }

    pub(super) fn entry(entry: &[u8], reason: &'static str) -> Self {
        let entry = shown(entry);
        Self::Entry { entry, reason }
    }
}

/// A name for a message: not longer than a person would read.
pub(super) fn shown(name: &[u8]) -> String {
    const MOST: usize = 300;
    let cut = &name[..name.len().min(MOST)];
    let text = String::from_utf8_lossy(cut).escape_debug().to_string();
    if name.len() > MOST {
        format!("{text}…")
    } else {
        text
    }
}
