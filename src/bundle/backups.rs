//! The directory of bundles.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, fsync, mkdirat, statat, unlinkat};
use rustix::io::Errno;

use super::error::BundleError;
use super::fault::BundleFault;
use super::name::{BundleName, SUFFIX, SUM_SUFFIX};
use super::{sums, temporary};
use crate::data_directory::{CheckedDirectory, DataDirectory, Flaw, Owners, PathError, Place};
use crate::relative_path::RelativePath;

/// How much of the file with a bundle's sum is read, in bytes: a sum and the longest name.
const LONGEST_SUM: u64 = 1024;

/// Where the bundles of a data directory lie. Opened anew for each use, for people move such
/// directories. All methods block.
#[derive(Debug, Clone)]
pub(crate) struct Backups {
    data_directory: Arc<DataDirectory>,
    path: RelativePath,
}

impl Backups {
    /// Those in the directory at `path`, which need not be there yet.
    pub(crate) fn new(data_directory: Arc<DataDirectory>, path: RelativePath) -> Self {
        Self {
            data_directory,
            path,
        }
    }

    /// The path of a file among the bundles, for messages.
    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.data_directory.absolute(&self.path).join(file)
    }

    /// Opens the directory, if there is one.
    pub(super) fn directory(&self) -> Result<Option<CheckedDirectory>, PathError> {
        match self.data_directory.place(&self.path)? {
            Some(place) => self.open_at(&place),
            None => Ok(None),
        }
    }

    fn open_at(&self, place: &Place) -> Result<Option<CheckedDirectory>, PathError> {
        // People copy bundles as other users: a bundle is trusted for what is in it alone.
        let path = self.data_directory.absolute(&self.path);
        CheckedDirectory::open(&place.parent, &place.name, path, Owners::Any)
    }

    /// Opens the directory, and makes it when there is none yet.
    pub(super) fn make(&self) -> Result<CheckedDirectory, PathError> {
        let refuse = |action| PathError::io(action, self.path_of(""));
        let place = self.data_directory.place(&self.path)?;
        let place = place.ok_or_else(|| refuse("find the directory of")(Errno::NOENT))?;
        match mkdirat(&place.parent, &*place.name, Mode::RWXU) {
            // A crash may have come between its making and its syncing.
            Ok(()) | Err(Errno::EXIST) => fsync(&place.parent).map_err(refuse("sync"))?,
            Err(error) => return Err(refuse("create")(error)),
        }
        let made = self.open_at(&place)?;
        made.ok_or_else(|| refuse("open")(Errno::NOENT))
    }

    /// Whether there is a bundle of that name, whatever it is.
    pub(super) fn has(
        &self,
        directory: &CheckedDirectory,
        name: &BundleName,
    ) -> Result<bool, PathError> {
        let file = name.file();
        match statat(directory, &*file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(PathError::io("look at", self.path_of(&file))(error)),
        }
    }

    /// Opens a bundle.
    pub(super) fn open(&self, name: &BundleName) -> Result<File, BundleError> {
        let opened = match self.directory()? {
            Some(directory) => directory.open_file(&name.file()),
            None => Ok(None),
        };
        let opened = opened.map_err(|error| refuse(name, error))?;
        opened.ok_or_else(|| BundleError::NotFound(name.clone()))
    }

    /// The sum that stands beside a bundle, if there is one.
    pub(super) fn sum_beside(&self, name: &BundleName) -> Result<Option<String>, BundleError> {
        let file = name.sum_file();
        let wrong = || BundleFault::SumFile(file.clone()).of(name);
        let read = match self.directory()? {
            Some(directory) => directory.read(&file, LONGEST_SUM),
            None => Ok(None),
        };
        let Some(text) = read.map_err(|error| match error {
            PathError::Flawed { .. } => wrong(),
            error => error.into(),
        })?
        else {
            return Ok(None);
        };
        match sums::sum_of(&text, &name.file()) {
            Some(sum) => Ok(Some(sum)),
            None => Err(wrong()),
        }
    }

    /// Removes a bundle and its sum.
    pub(crate) fn remove(&self, name: &BundleName) -> Result<(), BundleError> {
        let Some(directory) = self.directory()? else {
            return Err(BundleError::NotFound(name.clone()));
        };
        // In this order a bundle never stands there without its sum.
        for (file, is_bundle) in [(name.file(), true), (name.sum_file(), false)] {
            match unlinkat(&directory, &*file, AtFlags::empty()) {
                Ok(()) => {}
                Err(Errno::NOENT) if is_bundle => {
                    return Err(BundleError::NotFound(name.clone()));
                }
                Err(Errno::NOENT) => {}
                Err(error) => {
                    return Err(PathError::io("remove", self.path_of(&file))(error).into());
                }
            }
            fsync(&directory).map_err(PathError::io("sync", self.path_of("")))?;
        }
        Ok(())
    }

    /// Removes what crashed writers have left. For the start alone, when nobody writes.
    pub(crate) fn clean(&self) -> Result<(), BundleError> {
        let Some(directory) = self.directory()? else {
            return Ok(());
        };
        for file in directory.names()? {
            let is_alone = |stem: &str| {
                let bundle = format!("{stem}{SUFFIX}");
                let found = statat(&directory, OsStr::new(&bundle), AtFlags::SYMLINK_NOFOLLOW);
                BundleName::new(stem).is_ok() && matches!(found, Err(Errno::NOENT))
            };
            if temporary::is_left_over(&file) || file.strip_suffix(SUM_SUFFIX).is_some_and(is_alone)
            {
                unlinkat(&directory, &*file, AtFlags::empty())
                    .map_err(PathError::io("remove", self.path_of(&file)))?;
            }
        }
        Ok(())
    }
}

/// What is wrong with the file of a bundle is a fault of the bundle.
fn refuse(name: &BundleName, error: PathError) -> BundleError {
    match error {
        PathError::Flawed {
            flaw: Flaw::Links, ..
        } => BundleFault::Links.of(name),
        PathError::Flawed { .. } => BundleFault::NotAFile.of(name),
        error => error.into(),
    }
}
