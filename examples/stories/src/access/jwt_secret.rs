use std::io;
use std::path::{Path, PathBuf};

use shared_host::{random_token, secret_file};

/// What signs tokens. It outlives a reset.
pub struct JwtSecret(String);

/// Why there is nothing to sign tokens with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtSecretError {
    /// It could be guessed.
    #[error(
        "`JWT_SECRET` has {length} bytes: give it at least {shortest}, or unset it to have a \
         secret generated",
        shortest = JwtSecret::SHORTEST
    )]
    TooShort {
        /// How many there are.
        length: usize,
    },
    /// It could be guessed, and stands in a file.
    #[error("the secret in `{path}` is too short: remove the file to have a new one generated", path = path.display())]
    TooShortInFile {
        /// The file.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("failed to access `{path}`", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
}

impl JwtSecret {
    /// How many bytes it must have: as many as the hash that it goes into.
    pub const SHORTEST: usize = 32;

    /// A secret that the host was given.
    ///
    /// # Errors
    ///
    /// When it is too short.
    pub fn new(secret: String) -> Result<Self, JwtSecretError> {
        match secret.len() {
            length if length < Self::SHORTEST => Err(JwtSecretError::TooShort { length }),
            _ => Ok(Self(secret)),
        }
    }

    /// Reads the secret, or generates one at the first start.
    ///
    /// # Errors
    ///
    /// When the file can be neither read nor written, or holds no secret.
    pub fn load_or_create(file: &Path) -> Result<Self, JwtSecretError> {
        let file_error = |source| JwtSecretError::File {
            path: file.to_owned(),
            source,
        };
        match std::fs::read_to_string(file) {
            Ok(text) => {
                Self::new(text.trim().to_owned()).map_err(|_| JwtSecretError::TooShortInFile {
                    path: file.to_owned(),
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = random_token();
                secret_file::write(file, secret.as_bytes()).map_err(file_error)?;
                Ok(Self(secret))
            }
            Err(error) => Err(file_error(error)),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
