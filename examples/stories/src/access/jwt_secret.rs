use std::io;
use std::path::PathBuf;

use shared_host::{random_token, secret_file};

/// What signs tokens, and tells those issued before a reset or a restore from later ones.
///
/// A reset and a restore replace it, so that no earlier token is good after them.
#[derive(Clone)]
pub struct JwtSecret {
    /// What the host was given, if it was.
    configured: Option<String>,
    /// Its own random part, kept in a file.
    generated: String,
}

/// Where the host has its secret from.
#[derive(Clone)]
pub struct JwtSecretSource {
    configured: Option<String>,
    file: PathBuf,
}

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

    /// What signs.
    pub(super) fn as_bytes(&self) -> &[u8] {
        let configured = self.configured.as_ref();
        configured.unwrap_or(&self.generated).as_bytes()
    }

    /// What changes with every reset and restore, whether or not what signs was configured.
    pub(super) fn generated(&self) -> &str {
        &self.generated
    }
}

impl JwtSecretSource {
    /// A secret that the host was given; its random part is in `file`.
    ///
    /// # Errors
    ///
    /// When it is too short.
    pub fn configured(secret: String, file: PathBuf) -> Result<Self, JwtSecretError> {
        match secret.len() {
            length if length < JwtSecret::SHORTEST => Err(JwtSecretError::TooShort { length }),
            _ => Ok(Self {
                configured: Some(secret),
                file,
            }),
        }
    }

    /// A secret that is generated, and kept in `file`.
    #[must_use]
    pub fn generated(file: PathBuf) -> Self {
        Self {
            configured: None,
            file,
        }
    }

    /// A secret of this process alone, which is not written down.
    #[must_use]
    pub(super) fn unwritten(&self) -> JwtSecret {
        JwtSecret {
            configured: self.configured.clone(),
            generated: random_token(),
        }
    }

    /// Reads the secret, or generates one at the first start.
    ///
    /// # Errors
    ///
    /// When the file can be neither read nor written, or holds no secret.
    pub(super) fn load_or_create(&self) -> Result<JwtSecret, JwtSecretError> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) if text.trim().len() < JwtSecret::SHORTEST => {
                Err(JwtSecretError::TooShortInFile {
                    path: self.file.clone(),
                })
            }
            Ok(text) => Ok(JwtSecret {
                configured: self.configured.clone(),
                generated: text.trim().to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = self.unwritten();
                self.write(&secret)?;
                Ok(secret)
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Replaces what is in the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(super) fn write(&self, secret: &JwtSecret) -> Result<(), JwtSecretError> {
        let written = secret_file::write(&self.file, secret.generated.as_bytes());
        written.map_err(|error| self.error(error))
    }

    fn error(&self, source: io::Error) -> JwtSecretError {
        JwtSecretError::File {
            path: self.file.clone(),
            source,
        }
    }
}
