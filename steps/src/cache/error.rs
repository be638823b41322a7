//! Why the keys of a cache cannot be counted or cleared.

use redis::RedisError;

/// Why the keys of a cache cannot be counted or cleared. None of its messages tells a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Every key of the server would be meant.
    #[error("the prefix of the cache's keys is empty: name one, for others may use the server")]
    NoPrefix,
    /// There is no server at such an address.
    #[error("the address of the cache cannot be used: write `redis://host:port/`")]
    Address(#[source] RedisError),
    /// The server does not answer, or refuses.
    #[error("the Redis server at {address} fails")]
    Server {
        /// Its address, without its credentials.
        address: String,
        /// What it answers.
        source: RedisError,
    },
    /// The server is not one that holds all keys, and may delete them.
    #[error(
        "the Redis server at {address} is a {role} in {mode} mode: name the master of a \
         standalone one"
    )]
    NotItsOwn {
        /// Its address, without its credentials.
        address: String,
        /// `master` or `replica`.
        role: String,
        /// `standalone`, `cluster` or `sentinel`.
        mode: String,
    },
}
