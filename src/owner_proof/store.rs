//! The files of the state, in the framework's own directory.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::record::{Record, VERSION};
use crate::data_directory::{DataDirectory, PathError, replace};
use crate::reserve;

/// The state in force.
const CURRENT: &str = "owner.json";
/// The state after the run under way.
const NEXT: &str = "owner.next.json";
const ASIDE: &str = "owner.new.json";

/// How large a file may be, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Each method blocks.
#[derive(Debug)]
pub(super) struct Store {
    data_directory: Arc<DataDirectory>,
}

impl Store {
    pub(super) fn new(data_directory: Arc<DataDirectory>) -> Self {
        Self { data_directory }
    }

    pub(super) fn read_current(&self) -> Result<Record, PathError> {
        Ok(self.read(CURRENT)?.unwrap_or_default())
    }

    pub(super) fn read_next(&self) -> Result<Option<Record>, PathError> {
        self.read(NEXT)
    }

    pub(super) fn write_current(&self, record: &Record) -> Result<(), PathError> {
        self.write(CURRENT, record)
    }

    pub(super) fn write_next(&self, record: &Record) -> Result<(), PathError> {
        self.write(NEXT, record)
    }

    /// Puts the next state in the place of the current one. It may be there already.
    pub(super) fn rename_next(&self) -> Result<(), PathError> {
        let own = self.data_directory.own();
        match renameat(own, NEXT, own, CURRENT) {
            Ok(()) | Err(Errno::NOENT) => self.sync(CURRENT),
            Err(error) => Err(PathError::io("replace", self.path(CURRENT))(error)),
        }
    }

    /// Removes the next state. It may be gone already.
    pub(super) fn remove_next(&self) -> Result<(), PathError> {
        match unlinkat(self.data_directory.own(), NEXT, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => self.sync(NEXT),
            Err(error) => Err(PathError::io("remove", self.path(NEXT))(error)),
        }
    }

    fn sync(&self, name: &str) -> Result<(), PathError> {
        let synced = fsync(self.data_directory.own());
        synced.map_err(PathError::io("sync the directory of", self.path(name)))
    }

    fn write(&self, name: &str, record: &Record) -> Result<(), PathError> {
        let path = self.path(name);
        let mut text = serde_json::to_vec_pretty(record)
            .map_err(|error| PathError::io("write", &path)(std::io::Error::from(error)))?;
        text.push(b'\n');
        let write = || replace(self.data_directory.own(), ASIDE, name, &path, &text);
        write().or_else(|error| {
            if reserve::give_up(&self.data_directory) {
                write()
            } else {
                Err(error)
            }
        })
    }

    fn read(&self, name: &str) -> Result<Option<Record>, PathError> {
        let refuse = |error| PathError::io("read", self.path(name))(error);
        let other = |reason: &str| refuse(std::io::Error::other(reason.to_owned()));
        // Another user may have put a link or a pipe there, which would lead outside or block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(self.data_directory.own(), name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(PathError::io("open", self.path(name))(error)),
        };
        let status = fstat(&file).map_err(|error| refuse(error.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile || status.st_nlink != 1
        {
            return Err(other("it is no regular file with one link"));
        }
        let mut text = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut text)
            .map_err(refuse)?;
        if text.len() as u64 > LARGEST {
            return Err(other("it is too large"));
        }
        let record: Record = serde_json::from_slice(&text)
            .map_err(std::io::Error::from)
            .map_err(refuse)?;
        if record.version != VERSION {
            return Err(other("this program does not know its version"));
        }
        Ok(Some(record))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data_directory.own_path(name)
    }
}
