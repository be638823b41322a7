use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// Hashes what people type, away from the threads that answer requests.
///
/// A handler takes a [`Place`] in the queue first, waits for its [`Turn`], and hashes then.
/// Dropping a future that waits leaves the queue.
pub struct Hashing {
    places: Arc<Semaphore>,
    /// Argon2 takes much memory on purpose: a crowd must not multiply it.
    turns: Arc<Semaphore>,
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
    /// As many wait as may wait.
    #[error("too many passwords are being checked: try again in a moment")]
    Busy,
}

/// A place in the queue.
pub struct Place {
    place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

/// The right to compute one hash.
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(Self::CONCURRENT + Self::WAITING)),
            turns: Arc::new(Semaphore::new(Self::CONCURRENT)),
        }
    }
}

impl Hashing {
    /// How many hashes are computed at a time.
    pub const CONCURRENT: usize = 2;
    /// How many further ones wait.
    pub const WAITING: usize = 16;
    /// When to try again after [`HashingError::Busy`].
    pub const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// Takes a place in the queue.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`] when there is none.
    pub fn place(&self) -> Result<Place, HashingError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        Ok(Place {
            place: place.map_err(|_| HashingError::Busy)?,
            turns: Arc::clone(&self.turns),
        })
    }

    /// [`Turn::hash`], with a place of its own.
    ///
    /// # Errors
    ///
    /// When hashing fails, or there is no place.
    pub async fn hash(&self, secret: String) -> Result<String, HashingError> {
        self.place()?.turn().await?.hash(secret).await
    }

    /// [`Turn::verify`], with a place of its own.
    ///
    /// # Errors
    ///
    /// When the hash is damaged, or there is no place.
    pub async fn verify(&self, secret: String, hash: String) -> Result<bool, HashingError> {
        self.place()?.turn().await?.verify(secret, hash).await
    }
}

impl Place {
    /// Waits until those before it have their hashes.
    ///
    /// # Errors
    ///
    /// [`HashingError::Interrupted`], when the process ends.
    pub async fn turn(self) -> Result<Turn, HashingError> {
        let turn = self.turns.acquire_owned().await;
        Ok(Turn {
            _place: self.place,
            _turn: turn.map_err(|error| HashingError::Interrupted(error.into()))?,
        })
    }
}

impl Turn {
    /// The hash of `secret`, with what it takes to verify it.
    ///
    /// # Errors
    ///
    /// When hashing fails.
    pub async fn hash(self, secret: String) -> Result<String, HashingError> {
        self.compute(move || {
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
    pub async fn verify(self, secret: String, hash: String) -> Result<bool, HashingError> {
        self.compute(move || {
            let hash = PasswordHash::new(&hash).map_err(HashError::from)?;
            match Argon2::default().verify_password(secret.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let result = spawn_blocking(move || {
            // Until the hash is computed, although the caller may have gone: otherwise more would
            // be computed at a time.
            let _turn = self;
            work()
        });
        let result = result
            .await
            .map_err(|error| HashingError::Interrupted(error.into()));
        Ok(result??)
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

    #[tokio::test]
    async fn the_queue_is_bounded_and_dropping_a_waiting_caller_frees_its_place() {
        let hashing = Hashing::default();
        let mut turns = Vec::new();
        for _ in 0..Hashing::CONCURRENT {
            turns.push(hashing.place().unwrap().turn().await.unwrap());
        }
        let places = (0..Hashing::WAITING).map(|_| hashing.place().unwrap());
        let mut waiting: Vec<_> = places.map(|place| tokio::spawn(place.turn())).collect();
        assert!(matches!(hashing.place(), Err(HashingError::Busy)));
        let gone = waiting.pop().unwrap();
        gone.abort();
        assert!(gone.await.is_err());
        let place = hashing.place().unwrap();
        assert!(matches!(hashing.place(), Err(HashingError::Busy)));
        drop(turns);
        for turn in waiting {
            drop(turn.await.unwrap().unwrap());
        }
        assert!(place.turn().await.is_ok());
    }
}
