use std::io;
use std::path::PathBuf;

use shared_host::secret_file;

use crate::Configuration;

/// The configuration on disk. It is read each time it is needed: a copy in memory
/// could outlive the file.
#[derive(Clone, Debug)]
pub struct ConfigurationFile {
    path: PathBuf,
}

/// Why the configuration cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The file system says no.
    #[error("failed to access the configuration `{path}`", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The file holds something else. What it holds is not quoted: it may be a secret.
    #[error(
        "failed to parse the configuration `{path}`, line {line}: correct it, or reset the service",
        path = path.display()
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong, from 1.
        line: usize,
    },
    /// A value cannot be written as TOML.
    #[error("failed to write the configuration as TOML")]
    Serialize(#[from] toml::ser::Error),
}

impl ConfigurationFile {
    /// The configuration at this place.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether there is a configuration.
    ///
    /// # Errors
    ///
    /// When the file system cannot tell.
    pub async fn exists(&self) -> Result<bool, ConfigurationError> {
        tokio::fs::try_exists(&self.path)
            .await
            .map_err(|source| self.file_error(source))
    }

    /// Reads the configuration, if there is one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else.
    pub async fn read(&self) -> Result<Option<Configuration>, ConfigurationError> {
        let text = match tokio::fs::read_to_string(&self.path).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.file_error(source)),
        };
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| ConfigurationError::Parse {
                path: self.path.clone(),
                line: line(&text, error.span().map_or(0, |span| span.start)),
            })
    }

    /// Writes the configuration, whole or not at all.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn write(&self, configuration: &Configuration) -> Result<(), ConfigurationError> {
        let text = toml::to_string(configuration)?;
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || secret_file::write(&path, text.as_bytes()))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| self.file_error(source))
    }

    fn file_error(&self, source: io::Error) -> ConfigurationError {
        ConfigurationError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// The number of the line that holds the byte at `offset`.
fn line(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
