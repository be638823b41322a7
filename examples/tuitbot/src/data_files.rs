use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use shared_host::secret_file;

/// The data directory, and the one place that knows the names in it.
#[derive(Clone, Debug)]
pub struct DataFiles {
    directory: PathBuf,
}

impl DataFiles {
    /// The database.
    pub const DATABASE: &'static str = "tuitbot.db";
    /// The configuration.
    pub const CONFIGURATION: &'static str = "config.toml";
    /// The hash of the passphrase.
    pub const PASSPHRASE: &'static str = "passphrase_hash";
    /// The token of bearer clients.
    pub const API_TOKEN: &'static str = "api_token";
    /// The folder of media files.
    pub const MEDIA: &'static str = "media";
    /// The folder of backups.
    pub const BACKUPS: &'static str = "backups";

    /// Creates the data directory, for its owner only, where it is missing.
    ///
    /// # Errors
    ///
    /// When the folder is missing and cannot be created.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let directory = std::path::absolute(directory)?;
        create_private_folder(&directory)?;
        Ok(Self { directory })
    }

    /// The data directory of a bot that was started before.
    ///
    /// # Errors
    ///
    /// When there is no such folder, or no database in it.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let directory = std::path::absolute(directory)?;
        let files = Self { directory };
        files.database().metadata()?;
        Ok(files)
    }

    /// Removes what a crash has left of secrets that were just being written.
    ///
    /// # Errors
    ///
    /// When that cannot be removed.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        [self.configuration(), self.passphrase(), self.api_token()]
            .iter()
            .try_for_each(|file| secret_file::remove_leftovers(file))
    }

    /// Creates the folder of backups.
    ///
    /// # Errors
    ///
    /// When it is missing and cannot be created.
    pub fn create_backups(&self) -> io::Result<()> {
        create_private_folder(&self.backups())
    }

    /// Creates the folder of media files. Not before an interrupted reset has been
    /// finished or undone: it may have this folder to put back.
    ///
    /// # Errors
    ///
    /// When it is missing and cannot be created.
    pub fn create_media(&self) -> io::Result<()> {
        // A link to nowhere is the user's own business: it keeps nobody from starting.
        match self.media().symlink_metadata() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_private_folder(&self.media())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether nobody has used this data directory yet.
    ///
    /// # Errors
    ///
    /// When that cannot be read.
    pub fn is_fresh(&self) -> io::Result<bool> {
        Ok(!self.database().try_exists()?
            && !self.configuration().try_exists()?
            && !self.passphrase().try_exists()?)
    }

    /// The data directory itself, as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.join(Self::DATABASE)
    }

    /// Where the configuration is.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.directory.join(Self::CONFIGURATION)
    }

    /// Where the hash of the passphrase is.
    #[must_use]
    pub fn passphrase(&self) -> PathBuf {
        self.directory.join(Self::PASSPHRASE)
    }

    /// Where the token of bearer clients is.
    #[must_use]
    pub fn api_token(&self) -> PathBuf {
        self.directory.join(Self::API_TOKEN)
    }

    /// Where the media files are.
    #[must_use]
    pub fn media(&self) -> PathBuf {
        self.directory.join(Self::MEDIA)
    }

    /// Where the backups are.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.directory.join(Self::BACKUPS)
    }
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
