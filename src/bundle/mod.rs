//! Bundles: the archives of named backups.
//!
//! A bundle is a `.tar.zst` that GNU tar reads: `manifest.json`, `SHA256SUMS` (which
//! `sha256sum -c` checks after unpacking), and the entries in the order of the sums. The
//! writer has one way to say anything, and the reader takes no other: what does not read back
//! exactly as it would be written is refused.

mod backups;
mod compose;
mod contents;
mod error;
mod fault;
mod frames;
mod hashing;
mod head;
mod layout;
mod listing;
mod manifest;
mod name;
mod pax;
mod reader;
mod sums;
mod target;
mod temporary;
#[cfg(test)]
mod tests;
mod tree;
mod unpacked;
mod writer;

pub(crate) use backups::Backups;
pub use error::BundleError;
pub use fault::BundleFault;
pub(crate) use listing::BundleInfo;
pub(crate) use manifest::{SavedPath, SavedStep, SavedTable};
pub use name::{BundleName, InvalidName};
pub(crate) use reader::unpack;
pub(crate) use unpacked::Unpacked;
pub(crate) use writer::BundleWriter;
