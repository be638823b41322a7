//! A file that says that the service is stopped, and has to be started.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Beside the engine's journal.
const NAME: &str = ".factory-reset/service-stopped";

/// The file.
#[derive(Debug)]
pub(crate) struct Marker(PathBuf);

impl Marker {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self(data_dir.join(NAME))
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.exists()
    }

    /// On the disk when it returns.
    pub(super) fn set(&self) -> io::Result<()> {
        File::create(&self.0)?.sync_all()?;
        self.sync_directory()
    }

    pub(super) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_directory(),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        match self.0.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}
