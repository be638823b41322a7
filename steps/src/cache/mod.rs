//! The step `cache`: keys in a Redis server.

mod bounds;
mod error;
mod keys;
mod scan;
mod server;
mod step;
mod wire;

pub use error::{CacheError, Endless};
pub use keys::CacheKeys;
