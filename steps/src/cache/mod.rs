//! The step `cache`: keys in a Redis server.

mod error;
mod keys;
mod scan;
mod server;
mod step;

pub use error::CacheError;
pub use keys::CacheKeys;
