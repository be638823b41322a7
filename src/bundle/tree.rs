//! Saving a claimed path.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use super::error::BundleError;
use super::head::{Head, Kind};
use super::layout;
use super::manifest::SavedPath;
use super::writer::BundleWriter;
use crate::data_directory::{DataDirectory, Entry, PathError, directory_flags, kind_name};
use crate::relative_path::RelativePath;

/// A walk through what is at a claimed path.
struct Walk<'a> {
    data_directory: &'a DataDirectory,
    /// Where it is.
    here: PathBuf,
    /// Where that lies in the archive.
    archived: Vec<u8>,
    saved: SavedPath,
}

impl BundleWriter {
    /// Saves what is at `path`: a file, or a directory with all that is in it. Follows no
    /// link. Nothing there is no error.
    pub(crate) fn add_path(
        &mut self,
        data_directory: &DataDirectory,
        step: &str,
        path: &RelativePath,
    ) -> Result<SavedPath, BundleError> {
        let section = layout::claimed_path(step, path.as_str());
        self.add_section(section, |writer, section| {
            let mut walk = Walk {
                data_directory,
                here: data_directory.absolute(path),
                archived: section.as_bytes().to_vec(),
                saved: SavedPath {
                    name: path.to_string(),
                    there: false,
                    files: 0,
                    bytes: 0,
                },
            };
            walk.go(writer, path)?;
            if !walk.saved.there {
                writer.forget_section(section);
            }
            Ok(walk.saved)
        })
    }
}

impl Walk<'_> {
    fn go(&mut self, writer: &mut BundleWriter, path: &RelativePath) -> Result<(), BundleError> {
        let Some(place) = self.data_directory.place(path)? else {
            return Ok(());
        };
        let name = OsStr::new(&place.name);
        let top = self.save(writer, place.parent.as_fd(), name)?;
        let mut levels = Vec::from_iter(top);
        while let Some(level) = levels.last_mut() {
            let Some(child) = level.read() else {
                levels.pop();
                self.leave();
                continue;
            };
            let child = child.map_err(PathError::io("list", &self.here))?;
            let name = OsStr::from_bytes(child.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let parent = level.fd().map_err(PathError::io("list", &self.here))?;
            self.here.push(name);
            self.archived.push(b'/');
            self.archived.extend_from_slice(name.as_bytes());
            match self.save(writer, parent, name)? {
                Some(below) => levels.push(below),
                None => self.leave(),
            }
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.here.pop();
        let parent = self.archived.iter().rposition(|&byte| byte == b'/');
        self.archived.truncate(parent.unwrap_or_default());
    }

    /// Saves one entry, and opens it when it is a directory.
    fn save(
        &mut self,
        writer: &mut BundleWriter,
        parent: impl AsFd,
        name: &OsStr,
    ) -> Result<Option<Dir>, BundleError> {
        let Some((opened, status)) = self.open(parent, name)? else {
            return Ok(None);
        };
        self.saved.there = true;
        let is_directory = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
        let head = Head {
            path: self.archived.clone(),
            kind: if is_directory {
                Kind::Directory
            } else {
                Kind::File
            },
            // How wide it is differs between systems.
            mode: u64::from(Mode::from_raw_mode(status.st_mode).bits()) as u32,
            modified: (status.st_mtime, status.st_mtime_nsec as u32),
            size: if is_directory {
                0
            } else {
                u64::try_from(status.st_size).unwrap_or_default()
            },
        };
        if !is_directory && head.mode & 0o6000 != 0 {
            return Err(BundleError::SetId(self.here.clone()));
        }
        if let Some(reason) = head.objection() {
            let path = self.here.clone();
            return Err(BundleError::Unfit { path, reason });
        }
        if is_directory {
            writer.add_head(&head)?;
            let entries = Dir::new(opened).map_err(PathError::io("list", &self.here))?;
            return Ok(Some(entries));
        }
        let mut file = File::from(opened);
        let unreadable = |error| PathError::io("read", &self.here)(error).into();
        match writer.add_file(&head, &mut file, unreadable) {
            Err(BundleError::Unfinished(_)) => Err(BundleError::Changed(self.here.clone())),
            added => added,
        }?;
        let now = fstat(&file).map_err(PathError::io("look at", &self.here))?;
        if fingerprint(&now) != fingerprint(&status) {
            return Err(BundleError::Changed(self.here.clone()));
        }
        self.saved.files += 1;
        self.saved.bytes += head.size;
        Ok(None)
    }

    /// Opens a file or directory, and looks at what was opened. The claimed path itself may
    /// be absent.
    fn open(
        &self,
        parent: impl AsFd,
        name: &OsStr,
    ) -> Result<Option<(OwnedFd, Stat)>, BundleError> {
        let here: &Path = &self.here;
        let status = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => status,
            Err(Errno::NOENT) if !self.saved.there => return Ok(None),
            Err(Errno::NOENT) => return Err(BundleError::Changed(here.to_owned())),
            Err(error) => return Err(PathError::io("look at", here)(error).into()),
        };
        let kind = FileType::from_raw_mode(status.st_mode);
        let flags = match kind {
            FileType::Directory => directory_flags(),
            // It may be a pipe by now, and opening that would wait for its writer.
            FileType::RegularFile => {
                OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC
            }
            _ => {
                return Err(BundleError::NotPlain {
                    path: here.to_owned(),
                    kind: kind_name(kind),
                });
            }
        };
        let opened = match openat(parent, name, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {
                return Err(BundleError::Changed(here.to_owned()));
            }
            Err(error) => return Err(PathError::io("open", here)(error).into()),
        };
        let look = Entry::look(&opened, OsStr::new("")).map_err(PathError::io("look at", here))?;
        if look.is_beyond(self.data_directory.mount()) {
            return Err(PathError::OtherFileSystem(here.to_owned()).into());
        }
        let status = fstat(&opened).map_err(PathError::io("look at", here))?;
        if FileType::from_raw_mode(status.st_mode) != kind {
            return Err(BundleError::Changed(here.to_owned()));
        }
        Ok(Some((opened, status)))
    }
}

/// Changes whenever the file is written; nobody can set the second time back.
fn fingerprint(status: &Stat) -> impl PartialEq + use<> {
    let size = status.st_size;
    (size, status.st_ctime, status.st_ctime_nsec)
}
