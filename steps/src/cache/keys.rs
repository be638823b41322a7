//! The resource of the step `cache`.

use std::fmt;

use factory_reset::StepRegistration;
use redis::{Client, IntoConnectionInfo};

use super::error::CacheError;

/// The keys that the host has in a Redis server: those that begin with its prefix.
///
/// The server is Redis 6 or later, or what speaks like it: a master that holds all keys. A
/// cluster is not supported, nor is a replica. Nothing is connected before the keys are to be
/// counted or cleared, so a host starts also while its cache is down. The user that the address
/// names may say `HELLO`, `SCAN`, `UNLINK`, `MULTI` and `DISCARD`; with `DBSIZE` a list of keys
/// that never ends is noticed earlier, and with `EVAL`, `DUMP` and `MEMORY` a plan also changes with
/// the contents of keys, not with their names alone.
///
/// ```
/// use factory_reset_steps::CacheKeys;
/// let keys = CacheKeys::open("redis://127.0.0.1:6379/", "stories:")?;
/// # Ok::<(), factory_reset_steps::CacheError>(())
/// ```
#[derive(Clone)]
pub struct CacheKeys {
    pub(super) client: Client,
    pub(super) prefix: String,
}

impl CacheKeys {
    /// The keys are in the server that `client` connects to, and begin with `prefix`.
    ///
    /// # Errors
    ///
    /// When `prefix` is empty.
    pub fn new(client: Client, prefix: impl Into<String>) -> Result<Self, CacheError> {
        let prefix = prefix.into();
        if prefix.is_empty() {
            return Err(CacheError::NoPrefix);
        }
        Ok(Self { client, prefix })
    }

    /// The keys are in the server at `address`, and begin with `prefix`.
    ///
    /// # Errors
    ///
    /// When `address` is not one of Redis, and when `prefix` is empty.
    pub fn open(
        address: impl IntoConnectionInfo,
        prefix: impl Into<String>,
    ) -> Result<Self, CacheError> {
        Self::new(Client::open(address).map_err(CacheError::Address)?, prefix)
    }

    /// The step `cache`, for a host that takes [no step but its
    /// own](factory_reset::EngineBuilder::explicit_steps_only).
    #[must_use]
    pub fn step() -> StepRegistration {
        super::step::registration()
    }

    /// The server's address, without its credentials.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

impl fmt::Debug for CacheKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CacheKeys")
            .field("address", &self.address())
            .field("prefix", &self.prefix)
            .finish()
    }
}
