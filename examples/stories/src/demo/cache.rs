use redis::{AsyncCommands, RedisError};

use crate::Cache;

/// Keys with characters that mean something to Redis' patterns among them: a pattern must be
/// made of a prefix so that it means the prefix alone.
const GLOB_KEYS: [&str; 3] = ["story:[1]*?", "story:\\*", "^draft?[a-z]"];

/// Keeps some values of several types. Without a Redis server that answers, none.
pub(super) async fn fill(cache: &Cache) {
    if let Err(error) = try_fill(cache).await {
        tracing::warn!(%error, "no example keys are cached");
    }
}

async fn try_fill(cache: &Cache) -> Result<(), RedisError> {
    let Some(mut connection) = cache.connection() else {
        return Ok(());
    };
    let key = |name: &str| format!("{}{name}", Cache::PREFIX);
    for n in 1..=20 {
        let _: () = connection
            .set(key(&format!("page:{n}")), format!("Demo page {n}"))
            .await?;
    }
    for name in GLOB_KEYS {
        let _: () = connection.set(key(name), "a name, not a pattern").await?;
    }
    let views = [("1", 12), ("2", 7), ("3", 31)];
    let _: () = connection.hset_multiple(key("views"), &views).await?;
    let _: () = connection.del(key("recent")).await?;
    let _: () = connection.rpush(key("recent"), &["3", "1", "2"]).await?;
    Ok(())
}
