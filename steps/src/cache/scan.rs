//! Going through the keys of a server.

use redis::RedisError;
use redis::aio::MultiplexedConnection;

use super::bounds::Bounds;
use super::error::Endless;

/// How many keys the server looks at before it answers: others are served in between.
const LOOK_AT: usize = 1000;

/// One way through all keys that begin with a prefix. What is there all the while is met at
/// least once; a key may be met twice, and one that comes meanwhile not at all.
pub(super) struct Scan<'a> {
    prefix: &'a str,
    pattern: String,
    /// None once the server has come round.
    cursor: Option<u64>,
    bounds: Bounds,
}

/// Why a server tells of no more keys.
pub(super) enum ScanError {
    Server(RedisError),
    Endless(Endless),
}

impl<'a> Scan<'a> {
    /// Goes through a server that claims to have `size` keys in all, or does not say.
    pub(super) fn new(prefix: &'a str, size: Option<u64>) -> Self {
        Self {
            prefix,
            pattern: pattern(prefix),
            cursor: Some(0),
            bounds: Bounds::new(size),
        }
    }

    /// The next keys, often none; nothing at the end.
    pub(super) async fn next(
        &mut self,
        connection: &mut MultiplexedConnection,
    ) -> Result<Option<Vec<Vec<u8>>>, ScanError> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let (cursor, mut keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(&self.pattern)
            .arg("COUNT")
            .arg(LOOK_AT)
            .query_async(connection)
            .await
            .map_err(ScanError::Server)?;
        let checked = self.bounds.check(cursor, keys.len());
        checked.map_err(ScanError::Endless)?;
        self.cursor = (cursor != 0).then_some(cursor);
        // Keys of others are never left to how a server understands a pattern.
        keys.retain(|key| key.starts_with(self.prefix.as_bytes()));
        Ok(Some(keys))
    }
}

/// The pattern of everything that begins with `prefix`.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_pattern_means_itself() {
        assert_eq!(pattern("stories:"), "stories:*");
        assert_eq!(pattern(r"s*?[^a-c]\:"), r"s\*\?\[\^a\-c\]\\:*");
    }
}
