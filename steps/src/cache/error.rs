//! Why the keys of a cache cannot be counted or cleared.

use redis::RedisError;

/// In which way a server goes on telling of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Endless {
    /// It gives the same cursors again.
    #[error("it repeats its cursors")]
    Repeats,
    /// It does not come round.
    #[error("it goes on for longer than its number of keys explains")]
    Answers,
    /// It tells of more keys than can be.
    #[error("it tells of more keys than it has, or than can be counted")]
    Keys,
}

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
    /// The server does not stop telling of keys.
    #[error(
        "the Redis server at {address} does not end its list of keys: {reason}: check that it is \
         the right server"
    )]
    Endless {
        /// Its address, without its credentials.
        address: String,
        /// What it does instead.
        reason: Endless,
    },
}
