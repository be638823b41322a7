//! The files of the state, in the framework's own directory.

use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, fsync, renameat, unlinkat};
use rustix::io::Errno;

use super::record::{Record, VERSION};
use crate::data_directory::{DataDirectory, PathError};
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
        let store = Self { data_directory };
        // A crash while a state was written leaves this, and it is of no use. What cannot be removed
        // is replaced by the next write.
        let _ = unlinkat(store.data_directory.own(), ASIDE, AtFlags::empty());
        store
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
        let mut text = serde_json::to_vec_pretty(record).map_err(|error| {
            PathError::io("write", self.path(name))(std::io::Error::from(error))
        })?;
        text.push(b'\n');
        let write = || self.data_directory.own().replace(ASIDE, name, &text);
        write().or_else(|error| {
            if reserve::give_up(&self.data_directory) {
                write()
            } else {
                Err(error)
            }
        })
    }

    fn read(&self, name: &str) -> Result<Option<Record>, PathError> {
        let Some(text) = self.data_directory.own().read(name, LARGEST)? else {
            return Ok(None);
        };
        let refuse = |error| PathError::io("read", self.path(name))(error);
        let record: Record = serde_json::from_slice(&text)
            .map_err(std::io::Error::from)
            .map_err(refuse)?;
        if record.version != VERSION {
            let error = std::io::Error::other("this program does not know its version");
            return Err(refuse(error));
        }
        Ok(Some(record))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data_directory.own().path_of(name)
    }
}
