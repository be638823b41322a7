//! The server, as far as counting and clearing keys needs it.

use std::collections::HashMap;

use redis::{RedisError, RedisResult, Value};
use sha2::{Digest, Sha256};

use super::bounds::MOST_COUNTED;
use super::error::{CacheError, Endless};
use super::keys::CacheKeys;
use super::scan::{Scan, ScanError};
use super::wire::Wire;

/// How many keys one command unlinks.
const BATCH: usize = 500;

/// Into how many keys the server looks before others get their turn.
const LOOK_INTO: usize = 100;

/// From how many hashes on repeated ones are removed before there are more.
const COMPACT_AT: usize = 1_000_000;

/// How often the keys are gone through: once to unlink them, once to see that there are none,
/// and a few times more for those who go on writing.
const ROUNDS: usize = 4;

/// A server that can clear keys.
pub(super) struct Server {
    address: String,
    wire: Wire,
}

/// The keys that begin with a prefix.
pub(super) struct Census {
    pub(super) keys: u64,
    /// Changes with their names, and with their contents where the server tells of them.
    pub(super) fingerprint: String,
}

/// What was unlinked.
pub(super) struct Unlinked {
    pub(super) keys: u64,
    /// Whether others have written such keys to the last.
    pub(super) is_written_to: bool,
}

impl Server {
    /// Connects, and makes sure that keys can be cleared there.
    pub(super) async fn connect(keys: &CacheKeys) -> Result<Self, CacheError> {
        let address = keys.address();
        let wire = match Wire::connect(&keys.client).await {
            Ok(wire) => wire,
            Err(source) => return Err(CacheError::Server { address, source }),
        };
        let mut server = Self { address, wire };
        server.check_role().await?;
        let may_unlink = server.try_to_unlink(&keys.prefix).await;
        may_unlink.map_err(|error| server.failed(error))?;
        Ok(server)
    }

    /// A node of a cluster tells of its own keys alone, and what a replica unlinks comes back.
    async fn check_role(&mut self) -> Result<(), CacheError> {
        let hello = redis::cmd("HELLO");
        let answer: RedisResult<HashMap<String, Value>> =
            hello.query_async(&mut self.wire.connection).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        let tell = |key, usual: &str| {
            let value = answer.get(key).cloned();
            let text = value.map(redis::from_redis_value::<String>);
            text.and_then(Result::ok)
                .unwrap_or_else(|| usual.to_owned())
        };
        let (role, mode) = (tell("role", "master"), tell("mode", "standalone"));
        if role == "master" && mode == "standalone" {
            return Ok(());
        }
        Err(CacheError::NotItsOwn {
            address: self.address.clone(),
            role,
            mode,
        })
    }

    /// Whether the server would unlink: it says so already when a transaction is put together,
    /// which is then given up.
    async fn try_to_unlink(&mut self, key: &str) -> RedisResult<()> {
        let connection = &mut self.wire.connection;
        redis::cmd("MULTI").exec_async(connection).await?;
        redis::cmd("UNLINK").arg(key).exec_async(connection).await?;
        redis::cmd("DISCARD").exec_async(connection).await
    }

    /// Counts the keys that begin with `prefix`. Takes 16 bytes of memory for each, so that one
    /// that the server tells of twice is counted once: two of a million different ones are taken
    /// for one with a probability below one in ten million.
    pub(super) async fn count(&mut self, prefix: &str) -> Result<Census, CacheError> {
        let mut hashes = Vec::new();
        let mut compact_at = COMPACT_AT;
        let mut scan = Scan::new(prefix, self.size().await);
        while let Some(keys) = self.next(&mut scan).await? {
            for batch in keys.chunks(LOOK_INTO) {
                let contents = self.contents(batch).await.into_iter().map(Some);
                let contents = contents.chain(std::iter::repeat(None));
                let content = |text: Option<String>| text.map_or(0, |text| hash(text.as_bytes()));
                let keys = batch.iter().zip(contents);
                hashes.extend(keys.map(|(key, text)| (hash(key), content(text))));
            }
            // A key that is told again and again takes no more memory than one that is not.
            if hashes.len() >= compact_at {
                compact(&mut hashes);
                if hashes.len() > MOST_COUNTED {
                    return Err(self.endless(Endless::Keys));
                }
                compact_at = COMPACT_AT.max(hashes.len() * 2);
            }
        }
        compact(&mut hashes);
        let mut all = Sha256::new();
        for (key, content) in &hashes {
            all.update(key.to_le_bytes());
            all.update(content.to_le_bytes());
        }
        let fingerprint = all.finalize();
        Ok(Census {
            keys: hashes.len() as u64,
            fingerprint: fingerprint
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        })
    }

    /// What tells the contents of `keys` from others; nothing where the server runs no scripts
    /// for this user, and then only their names tell.
    async fn contents(&mut self, keys: &[Vec<u8>]) -> Vec<String> {
        let contents = redis::cmd("EVAL")
            .arg(CONTENTS)
            .arg(keys.len())
            .arg(keys)
            .query_async(&mut self.wire.connection)
            .await;
        contents.unwrap_or_default()
    }

    /// Unlinks every key that begins with `prefix`.
    pub(super) async fn unlink(&mut self, prefix: &str) -> Result<Unlinked, CacheError> {
        let mut unlinked = 0;
        for _ in 0..ROUNDS {
            let mut scan = Scan::new(prefix, self.size().await);
            let mut is_empty = true;
            while let Some(keys) = self.next(&mut scan).await? {
                is_empty &= keys.is_empty();
                let gone = self.unlink_all(&keys).await;
                let gone = gone.map_err(|error| self.failed(error))?;
                unlinked += gone.min(keys.len() as u64);
            }
            if is_empty {
                return Ok(Unlinked {
                    keys: unlinked,
                    is_written_to: false,
                });
            }
        }
        Ok(Unlinked {
            keys: unlinked,
            is_written_to: true,
        })
    }

    async fn unlink_all(&mut self, keys: &[Vec<u8>]) -> RedisResult<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut pipe = redis::pipe();
        for batch in keys.chunks(BATCH) {
            pipe.cmd("UNLINK").arg(batch);
        }
        let unlinked: Vec<u64> = pipe.query_async(&mut self.wire.connection).await?;
        Ok(unlinked.into_iter().fold(0, u64::saturating_add))
    }

    async fn next(&mut self, scan: &mut Scan<'_>) -> Result<Option<Vec<Vec<u8>>>, CacheError> {
        match scan.next(&mut self.wire.connection).await {
            Ok(keys) => Ok(keys),
            Err(ScanError::Server(source)) => Err(self.failed(source)),
            Err(ScanError::Endless(reason)) => Err(self.endless(reason)),
        }
    }

    /// How many keys the server has, those of others included; none where this user may not ask.
    async fn size(&mut self) -> Option<u64> {
        let size = redis::cmd("DBSIZE")
            .query_async(&mut self.wire.connection)
            .await;
        size.ok()
    }

    fn endless(&self, reason: Endless) -> CacheError {
        CacheError::Endless {
            address: self.address.clone(),
            reason,
        }
    }

    fn failed(&self, source: RedisError) -> CacheError {
        CacheError::Server {
            address: self.address.clone(),
            source,
        }
    }
}

/// Of each key a hash of its content, made by the server, so that no content travels. Others
/// wait meanwhile: of a large one its size has to do.
const CONTENTS: &str = "
    local contents = {}
    for place, key in ipairs(KEYS) do
        local size = redis.call('MEMORY', 'USAGE', key)
        if size and size <= 65536 then
            contents[place] = redis.sha1hex(redis.call('DUMP', key) or '')
        else
            contents[place] = tostring(size)
        end
    end
    return contents";

/// Leaves each key once, in the order of the hashes.
fn compact(hashes: &mut Vec<(u64, u64)>) {
    hashes.sort_unstable();
    hashes.dedup_by_key(|(key, _)| *key);
}

/// The same in every process: what one has shown, another may clear.
fn hash(key: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(key));
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
