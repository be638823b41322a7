use std::io;
use std::path::PathBuf;

use shared_host::{Hashing, HashingError, Place, Turn, secret_file};
use tokio::sync::RwLock;
use tokio::task::spawn_blocking;

/// The passphrase: its hash in a file, and a copy of the hash in memory.
pub struct Passphrase {
    file: PathBuf,
    hash: RwLock<Option<String>>,
    hashing: Hashing,
}

/// Why a passphrase cannot be set or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// Nobody has set one.
    #[error("no passphrase is set")]
    Unset,
    /// The file system says no.
    #[error("failed to access the passphrase file `{path}`", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The stored hash is damaged, or hashing failed.
    #[error("failed to hash the passphrase")]
    Hash(#[from] HashingError),
}

impl Passphrase {
    /// The passphrase whose hash is in this file; call [`load`](Self::load) before use.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            hash: RwLock::new(None),
            hashing: Hashing::default(),
        }
    }

    /// Reads the hash into memory, if the file exists.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn load(&self) -> Result<(), PassphraseError> {
        let hash = match tokio::fs::read_to_string(&self.file).await {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.file_error(error)),
        };
        *self.hash.write().await = hash;
        Ok(())
    }

    /// Whether the file exists.
    ///
    /// # Errors
    ///
    /// When the file system cannot tell.
    pub async fn is_claimed(&self) -> Result<bool, PassphraseError> {
        tokio::fs::try_exists(&self.file)
            .await
            .map_err(|error| self.file_error(error))
    }

    /// Whether the hash is in memory.
    pub async fn is_held(&self) -> bool {
        self.hash.read().await.is_some()
    }

    /// Its hash, if it is in memory.
    pub(crate) async fn hash(&self) -> Option<String> {
        self.hash.read().await.clone()
    }

    /// Takes a place in the queue of hashes.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] when there is none.
    pub fn place(&self) -> Result<Place, HashingError> {
        self.hashing.place()
    }

    /// Hashes and sets the passphrase, in the file and in memory.
    ///
    /// # Errors
    ///
    /// When hashing fails or the file cannot be written.
    pub async fn set(&self, passphrase: String) -> Result<(), PassphraseError> {
        let hash = self.hashing.hash(passphrase).await?;
        self.set_hash(hash).await
    }

    /// Sets the passphrase with this hash, in the file and in memory.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn set_hash(&self, hash: String) -> Result<(), PassphraseError> {
        let (file, contents) = (self.file.clone(), hash.clone());
        spawn_blocking(move || secret_file::write(&file, contents.as_bytes()))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| self.file_error(error))?;
        *self.hash.write().await = Some(hash);
        Ok(())
    }

    /// The hash of the passphrase, by the copy in memory, if this is the passphrase; takes
    /// equally long for any wrong one.
    ///
    /// # Errors
    ///
    /// [`PassphraseError::Unset`], or that the stored hash is damaged.
    pub async fn verify(
        &self,
        turn: Turn,
        passphrase: String,
    ) -> Result<Option<String>, PassphraseError> {
        let hash = self.hash().await.ok_or(PassphraseError::Unset)?;
        let is_right = turn.verify(passphrase, hash.clone()).await?;
        Ok(is_right.then_some(hash))
    }

    /// Forgets the copy in memory; whether there was one. The file stays.
    pub async fn forget(&self) -> bool {
        self.hash.write().await.take().is_some()
    }

    /// Takes the passphrase back, from the file and from memory.
    ///
    /// # Errors
    ///
    /// When the file cannot be removed.
    pub async fn remove(&self) -> Result<(), PassphraseError> {
        let file = self.file.clone();
        spawn_blocking(move || secret_file::remove(&file))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| self.file_error(error))?;
        self.forget().await;
        Ok(())
    }

    fn file_error(&self, source: io::Error) -> PassphraseError {
        PassphraseError::File {
            path: self.file.clone(),
            source,
        }
    }
}
