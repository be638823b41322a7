//! What there is to know about bundles without unpacking them.

use jiff::Timestamp;
use rustix::fs::{AtFlags, statat};
use serde::Serialize;

use super::backups::Backups;
use super::error::BundleError;
use super::manifest::{LONGEST, Manifest};
use super::name::{BundleName, SUFFIX};
use super::reader;
use crate::data_directory::CheckedDirectory;
use crate::error::chain;

/// How much of all manifests together is read for a list, in bytes, because it stays in memory: a
/// bundle of a few kilobytes can have a manifest of the longest kind.
const LONGEST_OF_ALL: u64 = 2 * LONGEST;

/// A file in the directory of bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BundleInfo {
    /// Its name; that of a file that is no bundle may be no [`BundleName`].
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// When it was begun; when the file was last written where nothing says that.
    pub created_at: Timestamp,
    /// The SHA-256 of the file as it stands beside it; none where nothing stands there.
    pub sha256: Option<String>,
    /// What it says that it holds. Only unpacking shows whether it does.
    pub manifest: Option<Manifest>,
    /// Why it cannot be restored, as far as that can be told at a glance.
    pub error: Option<String>,
}

impl Backups {
    /// All bundles, the newest first, with those that cannot be restored.
    pub(crate) fn list(&self) -> Result<Vec<BundleInfo>, BundleError> {
        let Some(directory) = self.directory()? else {
            return Ok(Vec::new());
        };
        let files = directory.names()?;
        let names = files.iter().filter_map(|file| file.strip_suffix(SUFFIX));
        let mut left = LONGEST_OF_ALL;
        let mut bundles: Vec<_> = names
            .filter_map(|name| self.look_at(&directory, name, &mut left))
            .collect();
        bundles.sort_by(|one, other| {
            let newest_first = other.created_at.cmp(&one.created_at);
            newest_first.then_with(|| one.name.cmp(&other.name))
        });
        Ok(bundles)
    }

    /// The bundle of that name.
    pub(crate) fn find(&self, name: &BundleName) -> Result<BundleInfo, BundleError> {
        let directory = self.directory()?;
        let mut left = LONGEST_OF_ALL;
        let found =
            directory.and_then(|directory| self.look_at(&directory, name.as_str(), &mut left));
        found.ok_or_else(|| BundleError::NotFound(name.clone()))
    }

    /// What there is to say of a file; nothing of one that was removed meanwhile. Of manifests at
    /// most `left` bytes are read.
    fn look_at(
        &self,
        directory: &CheckedDirectory,
        name: &str,
        left: &mut u64,
    ) -> Option<BundleInfo> {
        let file = format!("{name}{SUFFIX}");
        let status = statat(directory, file, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let mut bundle = BundleInfo {
            name: name.to_owned(),
            bytes: u64::try_from(status.st_size).unwrap_or_default(),
            created_at: Timestamp::from_second(status.st_mtime).unwrap_or_default(),
            sha256: None,
            manifest: None,
            error: None,
        };
        match self.look_into(name, &mut bundle, left) {
            Ok(()) => {}
            Err(Looked::Gone) => return None,
            Err(Looked::Unusable(error)) => bundle.error = Some(error),
        }
        Some(bundle)
    }

    fn look_into(&self, name: &str, bundle: &mut BundleInfo, left: &mut u64) -> Result<(), Looked> {
        let name = BundleName::new(name).map_err(|error| Looked::Unusable(error.to_string()))?;
        if *left == 0 {
            let error = "the bundles listed before it have too long manifests: remove some";
            return Err(Looked::Unusable(error.to_owned()));
        }
        let (manifest, bytes) = reader::manifest(self, &name)?;
        *left = left.saturating_sub(bytes);
        bundle.created_at = manifest.created_at;
        bundle.manifest = Some(manifest);
        bundle.sha256 = self.sum_beside(&name)?;
        Ok(())
    }
}

/// Why there is nothing to say of a bundle.
enum Looked {
    Gone,
    Unusable(String),
}

impl From<BundleError> for Looked {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::NotFound(_) => Self::Gone,
            error => Self::Unusable(chain(&error)),
        }
    }
}
