//! The directory of bundles.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, fstat, fsync, mkdirat, openat, statat, unlinkat,
};
use rustix::io::Errno;

use super::error::BundleError;
use super::fault::BundleFault;
use super::name::{BundleName, SUFFIX, SUM_SUFFIX};
use super::{sums, temporary};
use crate::data_directory::{DataDirectory, PathError, directory_flags};
use crate::relative_path::RelativePath;

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
    pub(super) fn directory(&self) -> Result<Option<OwnedFd>, PathError> {
        let Some(place) = self.data_directory.place(&self.path)? else {
            return Ok(None);
        };
        match openat(place.parent, place.name, directory_flags(), Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(PathError::io("open", self.path_of(""))(error)),
        }
    }

    /// Opens the directory, and makes it when there is none yet.
    pub(super) fn make(&self) -> Result<OwnedFd, PathError> {
        let refuse = |action| PathError::io(action, self.path_of(""));
        let place = self.data_directory.place(&self.path)?;
        let place = place.ok_or_else(|| refuse("find the directory of")(Errno::NOENT))?;
        match mkdirat(&place.parent, &*place.name, Mode::RWXU) {
            // A crash may have come between its making and its syncing.
            Ok(()) | Err(Errno::EXIST) => fsync(&place.parent).map_err(refuse("sync"))?,
            Err(error) => return Err(refuse("create")(error)),
        }
        openat(place.parent, place.name, directory_flags(), Mode::empty()).map_err(refuse("open"))
    }

    /// The names of all files.
    pub(super) fn files(&self, directory: &OwnedFd) -> Result<Vec<String>, PathError> {
        let read = || -> Result<Vec<String>, Errno> {
            let mut files = Vec::new();
            for entry in Dir::read_from(directory)? {
                // What is ours is ASCII.
                files.extend(entry?.file_name().to_str().ok().map(str::to_owned));
            }
            Ok(files)
        };
        read().map_err(PathError::io("list", self.path_of("")))
    }

    /// Whether there is a bundle of that name, whatever it is.
    pub(super) fn has(&self, directory: &OwnedFd, name: &BundleName) -> Result<bool, PathError> {
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
            Some(directory) => self.open_file(&directory, name, &name.file())?,
            None => None,
        };
        opened.ok_or_else(|| BundleError::NotFound(name.clone()))
    }

    /// The sum that stands beside a bundle, if there is one.
    pub(super) fn sum_beside(&self, name: &BundleName) -> Result<Option<String>, BundleError> {
        let file = name.sum_file();
        let opened = match self.directory()? {
            Some(directory) => self.open_file(&directory, name, &file)?,
            None => None,
        };
        let Some(opened) = opened else {
            return Ok(None);
        };
        let mut text = Vec::new();
        opened
            .take(1024)
            .read_to_end(&mut text)
            .map_err(PathError::io("read", self.path_of(&file)))?;
        match sums::sum_of(&text, &name.file()) {
            Some(sum) => Ok(Some(sum)),
            None => Err(BundleFault::SumFile(file).of(name)),
        }
    }

    fn open_file(
        &self,
        directory: &OwnedFd,
        name: &BundleName,
        file: &str,
    ) -> Result<Option<File>, BundleError> {
        let refuse = |action| PathError::io(action, self.path_of(file));
        // Opening a pipe would wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match openat(directory, file, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => return Err(BundleFault::NotAFile.of(name)),
            Err(error) => return Err(refuse("open")(error).into()),
        };
        let status = fstat(&opened).map_err(refuse("look at"))?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Ok(Some(File::from(opened))),
            _ => Err(BundleFault::NotAFile.of(name)),
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
        for file in self.files(&directory)? {
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
