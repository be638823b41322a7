use std::error::Error;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Hashes what people type, away from the threads that answer requests.
pub struct Hashing {
    /// Argon2 takes much memory on purpose: a crowd must not multiply it.
    turns: Semaphore,
}

/// Why something could not be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashingError {
    /// The stored hash is damaged, or hashing failed.
    #[error("failed to compute the hash")]
    Hash(#[from] HashError),
    /// The hashing thread is gone.
    #[error("the hashing was interrupted")]
    Interrupted(#[source] Box<dyn Error + Send + Sync>),
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(Self::CONCURRENT),
        }
    }
}

impl Hashing {
    /// How many hashes are computed at a time; further ones wait.
    pub const CONCURRENT: usize = 2;

    /// The hash of `secret`, with what it takes to verify it.
    ///
    /// # Errors
    ///
    /// When hashing fails.
    pub async fn hash(&self, secret: String) -> Result<String, HashingError> {
        self.in_turn(move || {
            let hash: PasswordHash = Argon2::default().hash_password(secret.as_bytes())?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `hash` is of `secret`; takes equally long for any wrong one.
    ///
    /// # Errors
    ///
    /// When the hash is damaged.
    pub async fn verify(&self, secret: String, hash: String) -> Result<bool, HashingError> {
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(HashError::from)?;
            match Argon2::default().verify_password(secret.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let interrupted = HashingError::Interrupted;
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|error| interrupted(error.into()))?;
        let result = spawn_blocking(work).await;
        Ok(result.map_err(|error| interrupted(error.into()))??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_its_secret_alone() {
        let hashing = Hashing::default();
        let hash = hashing.hash("secret".to_owned()).await.unwrap();
        let verify = |secret: &str| hashing.verify(secret.to_owned(), hash.clone());
        assert!(verify("secret").await.unwrap());
        assert!(!verify("Secret").await.unwrap());
        let damaged = hashing.verify("secret".to_owned(), "damaged".to_owned());
        assert!(damaged.await.is_err());
    }
}
