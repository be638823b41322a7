//! Encodings, journal modes, and what is left in the files.

use std::fs;

use factory_reset::Sqlite;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::dump::{assert_same, assert_sound, dump, schema};
use crate::fixture::{Host, everything};
use crate::rich::{CANARY, fresh, used, wal};

fn rollback_journal() -> SqliteConnectOptions {
    SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Delete)
}

#[tokio::test]
async fn an_utf_16_database_is_reset_like_any_other() {
    let utf_16 = || wal().pragma("encoding", "'UTF-16be'");
    let host = used(utf_16()).await;
    let encoding: String = sqlx::query_scalar("PRAGMA encoding")
        .fetch_one(&host.pool)
        .await
        .unwrap();
    assert_eq!(encoding, "UTF-16be");
    let report = host.reset_tables().await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_same(
        &dump(&host.pool).await,
        &dump(&fresh(utf_16()).await.pool).await,
    );
    assert_sound(&host.pool).await;
}

#[tokio::test]
async fn a_database_with_other_pages_gets_what_a_fresh_one_with_such_pages_has() {
    for size in [1024, 16_384] {
        let pages = || wal().page_size(size);
        let host = used(pages()).await;
        assert_eq!(host.number("PRAGMA page_size").await, i64::from(size));
        host.reset_tables().await;
        let fresh = fresh(pages()).await;
        assert_same(&dump(&host.pool).await, &dump(&fresh.pool).await);
        assert_sound(&host.pool).await;
    }
}

#[tokio::test]
async fn a_database_with_a_rollback_journal_is_reset_like_any_other() {
    let host = used(rollback_journal()).await;
    let engine = host.tables_engine().await;
    let before = schema(&host.pool).await;
    let report = engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_same(
        &dump(&host.pool).await,
        &dump(&fresh(rollback_journal()).await.pool).await,
    );
    assert_eq!(schema(&host.pool).await, before);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&host.pool)
        .await
        .unwrap();
    assert_eq!(mode, "delete");
    assert_sound(&host.pool).await;
}

fn occurrences(host: &Host) -> Vec<String> {
    let utf_16: Vec<u8> = CANARY.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(host.data()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        if has(CANARY.as_bytes()) || has(&utf_16) {
            found.push(path.file_name().unwrap().display().to_string());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn no_byte_of_a_cleared_row_can_be_read_in_any_file() {
    for options in [
        wal(),
        rollback_journal(),
        wal().pragma("encoding", "'UTF-16be'"),
    ] {
        let host = used(options).await;
        let engine = host.tables_engine().await;
        assert!(!occurrences(&host).is_empty());
        engine.reset(everything()).await.unwrap();
        assert_eq!(occurrences(&host), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_database_shrinks_to_what_a_fresh_one_takes() {
    let host = used(wal()).await;
    let pages = async |host: &Host| host.number("PRAGMA page_count").await;
    host.reset_tables().await;
    // The table of the commit record and the two of ANALYZE have a page each.
    let fresh = fresh(wal()).await;
    assert!(pages(&host).await <= pages(&fresh).await + 3);
    let size = |name: &str| fs::metadata(host.data().join(name)).unwrap().len();
    assert_eq!(size("host.db"), 4096 * pages(&host).await.unsigned_abs());
    assert_eq!(size("host.db-wal"), 0);
}

#[tokio::test]
async fn the_hosts_pool_goes_on_working() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut connection = host.pool.acquire().await.unwrap();
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(rows, 3);
        held.push(connection);
    }
    engine.reset(everything()).await.unwrap();
    for connection in &mut held {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
            .fetch_one(&mut **connection)
            .await
            .unwrap();
        assert_eq!(rows, 1);
    }
    drop(held);
    host.run("INSERT INTO posts (text) VALUES ('again')").await;
    assert_eq!(
        host.number("SELECT max(id) FROM posts").await,
        2,
        "the counter starts again"
    );
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    let host = Host::new().await;
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    let error = Sqlite::open(&pool, &host.migrator).await.unwrap_err();
    assert_eq!(
        factory_reset::chain(&error),
        "could not use a database in memory: only its own connection can see it: give the pool a file"
    );
}

#[tokio::test]
async fn pragmas_that_the_host_runs_on_closing_do_not_run_in_a_preview() {
    let host = Host::with(
        &[crate::fixture::POSTS],
        wal().optimize_on_close(true, None),
    )
    .await;
    host.run(
        "CREATE INDEX posts_text ON posts (text); INSERT INTO posts (text) VALUES ('a'), ('b')",
    )
    .await;
    let engine = host.tables_engine().await;
    let before = schema(&host.pool).await;
    for _ in 0..3 {
        engine.plan(&factory_reset::Selection::all()).await.unwrap();
    }
    assert_eq!(schema(&host.pool).await, before);
}
