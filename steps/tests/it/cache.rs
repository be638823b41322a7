//! The step `cache` clears every key under its prefix, and no other.

use factory_reset::{Outcome, ResetError, ResetRequest, Selection};
use factory_reset_steps::redis::cmd;
use factory_reset_steps::{CacheError, CacheKeys};

use crate::fixture::{Host, cache_alone, counted, everything, run};

#[tokio::test]
async fn keys_of_others_stay_whatever_they_are_like() {
    let host = Host::new();
    let others: &[&[u8]] = &[
        b"stories",
        b"storiesX:",
        b"STORIES:",
        b" stories:1",
        b"other:stories:1",
        b"storie\xff:",
        b"*",
    ];
    host.set(others).await;
    let own: &[&[u8]] = &[
        b"stories:",
        b"stories:1",
        b"stories:*",
        b"stories:[a-c]?\\",
        b"stories:\xff\x00\r\n",
        "stories:\u{e9}".as_bytes(),
    ];
    host.set(own).await;
    let engine = host.engine().await;
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    assert_eq!(counted(&preview), own.len() as u64);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.cleared, preview.cleared);
    let mut left = others.to_vec();
    left.sort_unstable();
    assert_eq!(host.keys().await, left);
}

#[tokio::test]
async fn what_means_something_in_a_pattern_means_itself_in_the_prefix() {
    for prefix in [r"stories:[a-c]*?\", "*", "?", "[^x]", r"\", "s^-]:"] {
        let host = Host::new();
        let own = [
            prefix.to_owned(),
            format!("{prefix}1"),
            format!("{prefix}*"),
        ];
        host.set(&own).await;
        let others = [
            "stories:a",
            r"stories:abc\",
            r"stories:bxx\1",
            "a",
            "b1",
            "s-]:",
        ];
        host.set(&others).await;
        let engine = host.engine_of(&host.redis.url(), prefix).await;
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(counted(&report), 3, "{prefix}");
        assert_eq!(host.keys().await.len(), others.len(), "{prefix}");
    }
}

#[tokio::test]
async fn values_of_every_type_go() {
    let host = Host::new();
    let mut connection = host.connect().await;
    for command in [
        "SET stories:string 1 EX 1000",
        "HSET stories:hash field 1",
        "RPUSH stories:list 1",
        "SADD stories:set 1",
        "ZADD stories:sorted 1 one",
        "XADD stories:stream * field 1",
        "SETBIT stories:bits 7 1",
        "PFADD stories:hyperloglog 1",
        "GEOADD stories:geo 13 38 palermo",
    ] {
        run(&mut connection, command).await;
    }
    let engine = host.engine().await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counted(&report), 9);
    assert!(host.keys().await.is_empty());
}

#[tokio::test]
async fn every_key_of_many_is_counted_once_also_while_the_server_moves_them_about() {
    let host = Host::new();
    let own: Vec<_> = (0..100_000).map(|n| format!("stories:{n}")).collect();
    host.set(&own).await;
    let engine = host.engine().await;
    let churn = async {
        let others: Vec<_> = (0..200_000).map(|n| format!("other:{n}")).collect();
        host.set(&others).await;
        let mut connection = host.connect().await;
        for batch in others.chunks(10_000) {
            let mut unlink = cmd("UNLINK");
            unlink.arg(batch).exec_async(&mut connection).await.unwrap();
        }
    };
    let previews = async {
        for _ in 0..5 {
            let plan = engine.plan(&cache_alone()).await.unwrap();
            assert_eq!(counted(&plan.preview()), 100_000);
        }
    };
    tokio::join!(churn, previews);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counted(&report), 100_000);
    assert!(host.keys().await.is_empty());
}

#[tokio::test]
async fn without_keys_there_is_nothing_to_clear() {
    let host = Host::new();
    let engine = host.engine().await;
    let report = engine.reset(everything()).await.unwrap();
    let cache = report.steps.iter().find(|step| step.id.as_str() == "cache");
    let item = &cache.unwrap().items[0];
    assert_eq!(
        (item.name.as_str(), item.outcome),
        ("stories:", Outcome::Absent)
    );
    assert_eq!(counted(&report), 0);
}

#[tokio::test]
async fn a_longer_prefix_narrows_it() {
    let host = Host::new();
    host.set(&["stories:1:a", "stories:1:b", "stories:2:a"])
        .await;
    let engine = host.engine().await;
    // The second lies within the first, and is not counted again.
    let narrowed = cache_alone().only("cache", ["stories:1:", "stories:1:a"]);
    let preview = engine.plan(&narrowed).await.unwrap().preview();
    assert_eq!(counted(&preview), 2);
    let report = engine
        .reset(ResetRequest::new(narrowed).confirmed())
        .await
        .unwrap();
    assert_eq!(report.cleared, preview.cleared);
    assert_eq!(host.keys().await, [b"stories:2:a"]);
    assert!(host.has_report());
    let foreign = cache_alone().only("cache", ["other:"]);
    engine.plan(&foreign).await.unwrap_err();
}

#[tokio::test]
async fn the_digest_follows_the_keys_under_the_prefix_and_what_they_hold() {
    let host = Host::new();
    host.set(&["stories:1", "stories:2", "other:1"]).await;
    let engine = host.engine().await;
    let digest = async || {
        engine
            .plan(&cache_alone())
            .await
            .unwrap()
            .digest()
            .to_owned()
    };
    let seen = digest().await;
    let mut connection = host.connect().await;
    run(&mut connection, "SET other:2 1").await;
    assert_eq!(digest().await, seen);
    run(&mut connection, "SET stories:2 changed").await;
    assert_ne!(digest().await, seen);
    let seen = digest().await;
    run(&mut connection, "RENAME stories:1 stories:3").await;
    assert_ne!(digest().await, seen);
    let request = ResetRequest::new(cache_alone())
        .confirmed()
        .digest(seen.clone());
    let error = engine.reset(request).await.unwrap_err();
    assert!(matches!(error, ResetError::Changed { .. }), "{error:?}");
    assert_eq!(host.keys().await.len(), 4);
    run(&mut connection, "RENAME stories:3 stories:1").await;
    let request = ResetRequest::new(cache_alone()).confirmed().digest(seen);
    engine.reset(request).await.unwrap();
}

#[tokio::test]
async fn who_goes_on_writing_holds_up_nothing() {
    let host = Host::new();
    let own: Vec<_> = (0..5_000).map(|n| format!("stories:old:{n}")).collect();
    host.set(&own).await;
    let engine = host.engine().await;
    let mut connection = host.connect().await;
    let writer = tokio::spawn(async move {
        for number in 0_u64.. {
            let mut set = cmd("SET");
            set.arg(format!("stories:new:{number}")).arg(1);
            set.exec_async(&mut connection).await.unwrap();
        }
    });
    let report = engine.reset(everything()).await.unwrap();
    writer.abort();
    assert!(counted(&report) >= 5_000);
    let is_old = |key: &Vec<u8>| key.starts_with(b"stories:old:");
    assert!(!host.keys().await.iter().any(is_old));
}

#[test]
fn neither_an_empty_prefix_nor_what_is_no_address_is_taken() {
    let error = CacheKeys::open("redis://127.0.0.1/", "").unwrap_err();
    assert!(matches!(error, CacheError::NoPrefix), "{error}");
    for address in ["", "127.0.0.1", "http://127.0.0.1/", "redis://:secret@:x/"] {
        let error = CacheKeys::open(address, "stories:").unwrap_err();
        assert!(matches!(error, CacheError::Address(_)), "{error}");
        assert!(!factory_reset::chain(&error).contains("secret"));
    }
}
