use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisError};

/// Answers that are kept in Redis for a while. Without a Redis server, or with one that does
/// not answer, nothing is kept and everything else goes on.
#[derive(Clone)]
pub struct Cache {
    redis: Option<Redis>,
}

#[derive(Clone)]
struct Redis {
    client: Client,
    connection: ConnectionManager,
}

/// Why there can be no cache. The URL is not quoted: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("the Redis URL is not valid: write `redis://host:port/database`, or leave it out")]
pub struct CacheError(#[from] RedisError);

impl Cache {
    /// What all keys of this host begin with.
    pub const PREFIX: &'static str = "stories:";

    /// How long an answer is kept at most.
    const LIFETIME: Duration = Duration::from_secs(300);
    /// How long Redis may take, to connect and to answer: it is there to make things faster.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// A cache in the Redis server at `url`, which is reached for at the first use. Call it
    /// within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the URL is not one of Redis.
    pub fn open(url: Option<&str>) -> Result<Self, CacheError> {
        let redis = url.map(Redis::open).transpose()?;
        Ok(Self { redis })
    }

    /// The Redis server, if there is one.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        self.redis.as_ref().map(|redis| &redis.client)
    }

    /// The connection that is kept open to it, and opened anew when it breaks.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionManager> {
        self.redis.as_ref().map(|redis| redis.connection.clone())
    }

    /// The key of a story.
    pub(crate) fn story_key(story: i64) -> String {
        format!("{}story:{story}", Self::PREFIX)
    }

    /// What is kept under `key`.
    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let mut connection = self.connection()?;
        told(connection.get(key).await).flatten()
    }

    /// Keeps `value` under `key`.
    pub(crate) async fn set(&self, key: &str, value: &str) {
        if let Some(mut connection) = self.connection() {
            told::<()>(
                connection
                    .set_ex(key, value, Self::LIFETIME.as_secs())
                    .await,
            );
        }
    }

    /// Keeps nothing under `key` any more.
    pub(crate) async fn forget(&self, key: &str) {
        if let Some(mut connection) = self.connection() {
            told::<()>(connection.unlink(key).await);
        }
    }
}

impl Redis {
    fn open(url: &str) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Cache::PATIENCE))
            .set_response_timeout(Some(Cache::PATIENCE))
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { client, connection })
    }
}

/// A cache that fails is told in the log, to nobody else.
fn told<T>(result: Result<T, RedisError>) -> Option<T> {
    result
        .inspect_err(|error| tracing::warn!(%error, "the cache does not answer"))
        .ok()
}
