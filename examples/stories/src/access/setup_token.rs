use std::io;
use std::path::PathBuf;

use shared_host::{random_token, secret_file};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::Users;

/// What the first administrator is created with: a file that is there for as long as there is
/// no user. So nobody takes over a fresh install without access to its disk.
pub struct SetupToken {
    file: PathBuf,
    users: Users,
    turn: Mutex<()>,
}

/// Why the setup token cannot be read, made or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupTokenError {
    /// The file system says no.
    #[error("failed to access the setup token `{path}`", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The database does not tell whether there is a user.
    #[error("failed to look for users")]
    Users(#[from] sqlx::Error),
}

impl SetupToken {
    /// The token in this file, for as long as there are none of these users.
    #[must_use]
    pub fn new(file: PathBuf, users: Users) -> Self {
        Self {
            file,
            users,
            turn: Mutex::default(),
        }
    }

    /// Makes the file when there is no user, removes it when there is one.
    ///
    /// # Errors
    ///
    /// When the database cannot tell, or the file cannot be written or removed.
    pub async fn refresh(&self) -> Result<(), SetupTokenError> {
        // One after the other: what is found must still hold when the file follows it.
        let _turn = self.turn.lock().await;
        if self.users.are_any().await? {
            self.on_disk(|file| secret_file::remove(&file)).await
        } else if self.read().await?.is_none() {
            self.on_disk(|file| secret_file::write(&file, random_token().as_bytes()))
                .await
        } else {
            Ok(())
        }
    }

    /// Whether this is the token; takes equally long for any wrong one. Without the file
    /// nothing is.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn matches(&self, presented: &str) -> Result<bool, SetupTokenError> {
        let token = self.read().await?;
        Ok(token.is_some_and(|token| token.as_bytes().ct_eq(presented.as_bytes()).into()))
    }

    /// The token, if there is a file that holds one.
    async fn read(&self) -> Result<Option<String>, SetupTokenError> {
        match tokio::fs::read_to_string(&self.file).await {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.file_error(error)),
        }
    }

    async fn on_disk(
        &self,
        work: impl FnOnce(PathBuf) -> io::Result<()> + Send + 'static,
    ) -> Result<(), SetupTokenError> {
        let file = self.file.clone();
        spawn_blocking(move || work(file))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| self.file_error(error))
    }

    fn file_error(&self, source: io::Error) -> SetupTokenError {
        SetupTokenError::File {
            path: self.file.clone(),
            source,
        }
    }
}
