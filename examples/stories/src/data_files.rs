use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use shared_host::secret_file;

/// The data directory, and the one place that knows the names in it.
#[derive(Clone, Debug)]
pub struct DataFiles {
    directory: PathBuf,
}

impl DataFiles {
    /// The database, where it is SQLite.
    pub const DATABASE: &'static str = "stories.db";
    /// What signs tokens.
    pub const JWT_SECRET: &'static str = "jwt_secret";
    /// What tells tokens apart where what signs them is configured.
    pub const TOKEN_EPOCH: &'static str = "token_epoch";
    /// What the first administrator is created with.
    pub const SETUP_TOKEN: &'static str = "setup_token";
    /// The folder of reports.
    pub const REPORTS: &'static str = "reports";
    /// The folder of published stories.
    pub const STORIES: &'static str = "stories";
    /// The folder of backups.
    pub const BACKUPS: &'static str = "backups";

    /// Creates the data directory, for its owner only, where it is missing.
    ///
    /// # Errors
    ///
    /// When the folder is missing and cannot be created.
    pub fn create(directory: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let directory = directory.canonicalize()?;
        Ok(Self { directory })
    }

    /// The data directory of a service that was started before.
    ///
    /// # Errors
    ///
    /// When there is no such folder.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let directory = directory.canonicalize()?;
        directory.read_dir()?;
        Ok(Self { directory })
    }

    /// Removes what a crash has left of secrets that were just being written.
    ///
    /// # Errors
    ///
    /// When that cannot be removed.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        [self.jwt_secret(), self.token_epoch(), self.setup_token()]
            .iter()
            .try_for_each(|file| secret_file::remove_leftovers(file))
    }

    /// Creates the folders of generated files. Not before an interrupted reset has been
    /// finished or undone: it may have these folders to put back.
    ///
    /// # Errors
    ///
    /// When one is missing and cannot be created.
    pub fn create_folders(&self) -> io::Result<()> {
        // Reports name users; a web server may serve the stories.
        [(self.reports(), 0o700), (self.stories(), 0o755)]
            .iter()
            .try_for_each(|(folder, mode)| match folder.symlink_metadata() {
                Ok(status) if status.is_dir() && status.mode() & 0o777 & !mode != 0 => {
                    let mode = status.mode() & 0o7000 | mode;
                    std::fs::set_permissions(folder, Permissions::from_mode(mode))
                }
                // A link to nowhere is the user's own business: it keeps nobody from starting.
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    DirBuilder::new().mode(*mode).create(folder)
                }
                Err(error) => Err(error),
            })
    }

    /// Whether no file has been generated yet.
    ///
    /// # Errors
    ///
    /// When a folder of generated files cannot be read.
    pub fn is_fresh(&self) -> io::Result<bool> {
        for folder in [self.reports(), self.stories()] {
            match folder.read_dir() {
                Ok(mut entries) => {
                    if entries.next().is_some() {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The data directory itself, as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the database is, if it is SQLite.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.join(Self::DATABASE)
    }

    /// Where the secret is that signs tokens.
    #[must_use]
    pub fn jwt_secret(&self) -> PathBuf {
        self.directory.join(Self::JWT_SECRET)
    }

    /// Where that is which tells tokens apart where what signs them is configured.
    #[must_use]
    pub fn token_epoch(&self) -> PathBuf {
        self.directory.join(Self::TOKEN_EPOCH)
    }

    /// Where the setup token is.
    #[must_use]
    pub fn setup_token(&self) -> PathBuf {
        self.directory.join(Self::SETUP_TOKEN)
    }

    /// Where the reports are.
    #[must_use]
    pub fn reports(&self) -> PathBuf {
        self.directory.join(Self::REPORTS)
    }

    /// Where the published stories are.
    #[must_use]
    pub fn stories(&self) -> PathBuf {
        self.directory.join(Self::STORIES)
    }
}
