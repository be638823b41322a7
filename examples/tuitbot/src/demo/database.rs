use sqlx::{AssertSqlSafe, SqlitePool};

use super::tables::{TABLES, Table};
use super::words::WORDS;

/// What the migrations seed: part of the total that a filling aims at.
const SEEDED_ROWS: u64 = 3;

/// Adds rows to every table until a fresh install holds `rows` in all, the
/// seeded ones included; exact from 3 up, and every table has a part from 33 up.
///
/// It is one transaction. A second filling without a reset in between fails on
/// a unique key and changes nothing.
pub async fn fill_database(pool: &SqlitePool, rows: u64) -> Result<(), sqlx::Error> {
    let counts = counts(rows.saturating_sub(SEEDED_ROWS));
    let mut transaction = pool.begin().await?;
    for (table, &count) in TABLES.iter().zip(&counts) {
        if count > 0 {
            // Made of the constants above and of numbers alone.
            let sql = AssertSqlSafe(statement(table, &counts, count));
            sqlx::query(sql).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await
}

/// How many rows each table gets: one, while there are any, and a share of the
/// rest by weight.
fn counts(rows: u64) -> Vec<u64> {
    let tables = TABLES.len() as u64;
    let rest = rows.saturating_sub(tables);
    let total: u64 = TABLES.iter().map(|table| table.weight).sum();
    let mut weight = 0;
    (0..tables)
        .zip(&TABLES)
        .map(|(index, table)| {
            // Shares as differences of a running sum: rounding loses no row.
            let before = rest * weight / total;
            weight += table.weight;
            u64::from(index < rows) + rest * weight / total - before
        })
        .collect()
}

/// The insert that adds `count` rows to `table`. In its row, `{time}` stands
/// for a moment of the last half year, `{author_id}` for a user of X, a table's
/// name for the number of rows that this filling gives it, and the names in
/// [`WORDS`] for one of their words.
fn statement(table: &Table, counts: &[u64], count: u64) -> String {
    let Table {
        name, columns, row, ..
    } = table;
    let mut row = row
        .replace("{author_id}", "printf('%d', 3000000000 + n % 97)")
        .replace(
            "{time}",
            "strftime('%Y-%m-%dT%H:%M:%SZ', 1782820800 - n * 613 % 15552000, 'unixepoch')",
        );
    for (parent, count) in TABLES.iter().zip(counts) {
        row = row.replace(&format!("{{{}}}", parent.name), &count.to_string());
    }
    for (name, words) in WORDS {
        row = row.replace(&format!("{{{name}}}"), &choice(words));
    }
    format!(
        "WITH RECURSIVE step (n) AS
             (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < {count})
         INSERT INTO {name} ({columns}) SELECT {row} FROM step"
    )
}

/// SQL that takes the words in turn.
fn choice(words: &[&str]) -> String {
    let cases: String = (0..)
        .zip(words)
        .map(|(index, word): (usize, _)| format!(" WHEN {index} THEN '{word}'"))
        .collect();
    format!("CASE n % {}{cases} END", words.len())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::Row;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;
    use crate::demo::fill_media;

    async fn fresh_install() -> SqlitePool {
        // One connection: each would have an in-memory database of its own.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await
            .unwrap();
        sqlx::migrate!("../../migrations").run(&pool).await.unwrap();
        pool
    }

    /// The rows of every user table, by the database's own catalogue.
    async fn rows(pool: &SqlitePool) -> Vec<(String, u64)> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table'
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations'",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let mut rows = Vec::new();
        for name in names {
            let sql = AssertSqlSafe(format!("SELECT count(*) FROM {name}"));
            let count: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
            rows.push((name, count as u64));
        }
        rows
    }

    async fn number(pool: &SqlitePool, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn a_filling_is_exact_and_reaches_every_table() {
        for total in [3, 10, 33, 60, 61, 3000, 20_000] {
            let pool = fresh_install().await;
            fill_database(&pool, total).await.unwrap();

            let rows = rows(&pool).await;
            assert_eq!(rows.len(), TABLES.len());
            assert_eq!(rows.iter().map(|(_, count)| count).sum::<u64>(), total);
            if total >= 33 {
                for (name, count) in rows {
                    assert!(count > 0, "`{name}` is empty at {total} rows");
                }
            }
            let broken = sqlx::query("PRAGMA foreign_key_check")
                .fetch_all(&pool)
                .await
                .unwrap();
            assert!(broken.is_empty(), "{} broken references", broken.len());
        }
    }

    #[tokio::test]
    async fn a_second_filling_changes_nothing() {
        let pool = fresh_install().await;
        fill_database(&pool, 300).await.unwrap();
        let before = rows(&pool).await;
        fill_database(&pool, 300).await.unwrap_err();
        assert_eq!(rows(&pool).await, before);
    }

    #[tokio::test]
    async fn what_is_told_twice_agrees() {
        let pool = fresh_install().await;
        fill_database(&pool, 3000).await.unwrap();

        let wrong_counts = number(
            &pool,
            "SELECT count(*) FROM threads WHERE tweet_count <>
             (SELECT count(*) FROM thread_tweets WHERE thread_id = threads.id)",
        )
        .await;
        assert_eq!(wrong_counts, 0);

        let unknown_targets = number(
            &pool,
            "SELECT count(*) FROM replies_sent
             WHERE target_tweet_id NOT IN (SELECT id FROM discovered_tweets)",
        )
        .await;
        assert_eq!(unknown_targets, 0);

        let media = tempfile::tempdir().unwrap();
        fill_media(media.path(), 30).unwrap();
        for row in sqlx::query("SELECT path FROM media_uploads WHERE id <= 30")
            .fetch_all(&pool)
            .await
            .unwrap()
        {
            let path = Path::new(row.get::<&str, _>("path"));
            assert!(media.path().join(path).is_file(), "{}", path.display());
        }
    }
}
