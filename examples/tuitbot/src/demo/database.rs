use sqlx::{AssertSqlSafe, SqlitePool};

/// What the migrations seed: part of the total that a filling aims at.
const SEEDED_ROWS: u64 = 3;

/// One table's share of the demo, and the row that it holds for each `n` from
/// 1 up. Names in braces are replaced as [`statement`] says.
struct Table {
    name: &'static str,
    weight: u64,
    columns: &'static str,
    row: &'static str,
}

/// Every table, parents before their children; weights in thousandths.
///
/// Ids that SQLite gives are not written out: those that a filling has added
/// are always the last ones, so children count back from the highest.
const TABLES: [Table; 30] = [
    // Paused: nothing shall set to work for an account that is not there.
    Table {
        name: "accounts",
        weight: 2,
        columns: "id, label, status, x_user_id, x_username, created_at, updated_at",
        row: "printf('00000000-0000-4000-8000-%012d', n), 'Team ' || {author}, 'paused',
              printf('%d', 2000000000 + n), 'team_' || n, {time}, {time}",
    },
    Table {
        name: "account_roles",
        weight: 4,
        columns: "account_id, actor, role, created_at",
        row: "printf('00000000-0000-4000-8000-%012d', 1 + n % {accounts}), 'teammate-' || n,
              {role}, {time}",
    },
    // Written out, not hashed: no token is known whose hash has this form.
    Table {
        name: "sessions",
        weight: 3,
        columns: "id, created_at, expires_at",
        row: "printf('%016x%016x%016x%016x', n * 1000003, n * 1000033, n * 1000037, n * 1000039),
              {time}, strftime('%Y-%m-%dT%H:%M:%SZ', {time}, '+7 days')",
    },
    Table {
        name: "discovered_tweets",
        weight: 160,
        columns: "id, author_id, author_username, content, matched_keyword, relevance_score,
                  like_count, retweet_count, reply_count, impression_count, replied_to,
                  tweeted_at, discovered_at",
        row: "printf('%d', 1800000000000000000 + n * 1000003), {author_id}, {author},
              {hook} || ' ' || {topic} || ': ' || {lesson} || '. #' || n, {topic},
              n * 17 % 1000 / 10.0, n * 31 % 900, n * 7 % 120, n * 3 % 45, n * 131 % 40000,
              n % 3 = 0, {time}, {time}",
    },
    Table {
        name: "target_accounts",
        weight: 8,
        columns: "account_id, username, status, priority, total_replies_sent, last_reply_at,
                  notes, created_at",
        row: "printf('%d', 1000000000 + n), {author} || '_' || n, {target_status}, n % 5, n % 13,
              {time}, 'Writes about ' || {topic}, {time}",
    },
    Table {
        name: "target_tweets",
        weight: 60,
        columns: "id, account_id, content, relevance_score, like_count, reply_count, replied_to,
                  tweeted_at, discovered_at",
        row: "printf('%d', 1810000000000000000 + n * 1000003),
              printf('%d', 1000000001 + n % {target_accounts}),
              {hook} || ' ' || {topic} || '. In short: ' || {lesson} || '.',
              n * 13 % 1000 / 10.0, n * 29 % 700, n * 5 % 60, n % 4 = 0, {time}, {time}",
    },
    Table {
        name: "author_interactions",
        weight: 40,
        columns: "author_id, author_username, interaction_date, reply_count",
        row: "printf('%d', 3000000000 + n % 97), {author} || '_' || (n % 97),
              date('2026-06-30', printf('-%d days', n / 97)), 1 + n % 3",
    },
    Table {
        name: "source_contexts",
        weight: 2,
        columns: "source_type, path, sync_cursor, status, last_synced_at, created_at, updated_at",
        row: "'demo', 'demo/notes-' || n, 'page-' || n, 'paused', {time}, {time}, {time}",
    },
    Table {
        name: "content_nodes",
        weight: 40,
        columns: "source_id, relative_path, title, body, content_hash, tags, status,
                  ingested_at, updated_at",
        row: "(SELECT max(id) FROM source_contexts) - n % {source_contexts},
              'ideas/note-' || n || '.md', {hook} || ' ' || {topic},
              '# ' || {topic} || char(10, 10) || {hook} || ' ' || {topic} || '. After a while ' ||
              {lesson} || '. Note ' || n || ' of a longer list.',
              printf('%064x', n * 1000003), {topic} || ',' || {archetype}, {node_status},
              {time}, {time}",
    },
    Table {
        name: "draft_seeds",
        weight: 40,
        columns: "node_id, hook_text, archetype, engagement_weight, status, created_at",
        row: "(SELECT max(id) FROM content_nodes) - n % {content_nodes},
              {hook} || ' ' || {topic}, {archetype}, n % 100 / 100.0, {seed_status}, {time}",
    },
    Table {
        name: "replies_sent",
        weight: 60,
        columns: "target_tweet_id, reply_tweet_id, reply_content, archetype, llm_provider,
                  llm_model, created_at",
        row: "printf('%d', 1800000000000000000 + (1 + n % {discovered_tweets}) * 1000003),
              printf('%d', 1900000000000000000 + n * 1000003),
              'Same here with ' || {topic} || ': ' || {lesson} || '. What did you try first?',
              {archetype}, {provider}, {model}, {time}",
    },
    Table {
        name: "original_tweets",
        weight: 35,
        columns: "source_node_id, tweet_id, content, topic, archetype, llm_provider, llm_model,
                  status, created_at",
        row: "(SELECT max(id) FROM content_nodes) - n % {content_nodes},
              printf('%d', 1910000000000000000 + n * 1000003),
              {hook} || ' ' || {topic} || ': ' || {lesson} || '.', {topic}, {archetype},
              {provider}, {model}, 'sent', {time}",
    },
    // `thread_tweets` deals its rows to the threads in turn, from the last one on.
    Table {
        name: "threads",
        weight: 8,
        columns: "topic, root_tweet_id, tweet_count, status, created_at",
        row: "{topic}, printf('%d', 1920000000000000000 + n * 1000003),
              ({thread_tweets} + n - 1) / {threads}, 'sent', {time}",
    },
    Table {
        name: "thread_tweets",
        weight: 40,
        columns: "thread_id, position, tweet_id, content, created_at",
        row: "(SELECT max(id) FROM threads) - (n - 1) % {threads}, 1 + (n - 1) / {threads},
              printf('%d', 1930000000000000000 + n * 1000003),
              (1 + (n - 1) / {threads}) || '/ On ' || {topic} || ': ' || {lesson} || '.', {time}",
    },
    Table {
        name: "scheduled_content",
        weight: 10,
        columns: "content_type, content, source, scheduled_for, status, created_at, updated_at",
        row: "{content_type}, {hook} || ' ' || {topic} || '.', 'assistant', {time},
              {scheduled_status}, {time}, {time}",
    },
    // The paths are those that `fill_media` gives its files.
    Table {
        name: "media_uploads",
        weight: 10,
        columns: "path, media_type, byte_size, content_hash, x_media_id, alt_text, status,
                  expires_at, created_at",
        row:
            "printf('2026/%02d/%s/demo-%06d.%s', n % 12 + 1, {media_folder}, n, {media_extension}),
              {media_type}, 300 + n * 37 % 3000, printf('%064x', n * 1000033),
              printf('%d', 1940000000000000000 + n * 1000003), 'A picture about ' || {topic},
              'ready', {time}, {time}",
    },
    // None pending or approved: nothing shall be posted because of a demo.
    Table {
        name: "approval_queue",
        weight: 30,
        columns: "action_type, target_tweet_id, target_author, generated_content, topic,
                  archetype, score, status, reviewed_by, created_at, reviewed_at",
        row: "'reply', printf('%d', 1800000000000000000 + (1 + n % {discovered_tweets}) * 1000003),
              {author}, {hook} || ' ' || {topic} || ': ' || {lesson} || '.', {topic},
              {archetype}, n * 19 % 1000 / 10.0, {review_status}, 'dashboard', {time}, {time}",
    },
    Table {
        name: "approval_edit_history",
        weight: 15,
        columns: "approval_id, old_value, new_value, created_at",
        row: "(SELECT max(id) FROM approval_queue) - n % {approval_queue},
              'About ' || {topic} || ': ' || {lesson}, {hook} || ' ' || {topic} || '.', {time}",
    },
    Table {
        name: "follower_snapshots",
        weight: 8,
        columns: "snapshot_date, follower_count, following_count, tweet_count, created_at",
        row: "date('2026-06-30', printf('-%d days', n)), 400 + 9000 / n, 150 + n % 40,
              2000 + 90000 / n,
              strftime('%Y-%m-%dT%H:%M:%SZ', '2026-06-30', printf('-%d days', n))",
    },
    Table {
        name: "reply_performance",
        weight: 50,
        columns: "reply_tweet_id, like_count, reply_count, impression_count, performance_score,
                  measured_at",
        row: "printf('%d', 1900000000000000000 + n * 1000003), n * 11 % 80, n * 3 % 9,
              n * 101 % 5000, n * 23 % 1000 / 10.0, {time}",
    },
    Table {
        name: "tweet_performance",
        weight: 30,
        columns: "tweet_id, like_count, retweet_count, reply_count, impression_count,
                  performance_score, measured_at",
        row: "printf('%d', 1910000000000000000 + n * 1000003), n * 11 % 300, n * 5 % 60,
              n * 3 % 40, n * 101 % 20000, n * 23 % 1000 / 10.0, {time}",
    },
    // Each account has 32 scores: 8 topics in 4 formats.
    Table {
        name: "content_scores",
        weight: 5,
        columns: "account_id, topic, format, total_posts, avg_performance, updated_at",
        row: "printf('00000000-0000-4000-8000-%012d', 1 + (n - 1) / 32), {topic},
              CASE n / 8 % 4 WHEN 0 THEN 'list' WHEN 1 THEN 'story' WHEN 2 THEN 'question'
                             ELSE 'tip' END,
              1 + n % 20, n * 7 % 1000 / 10.0, {time}",
    },
    Table {
        name: "strategy_reports",
        weight: 2,
        columns: "week_start, week_end, replies_sent, tweets_posted, threads_posted,
                  follower_delta, top_topics, recommendations, created_at",
        row: "date('2026-06-29', printf('-%d days', 7 * n)),
              date('2026-07-05', printf('-%d days', 7 * n)),
              20 + n % 30, 5 + n % 9, n % 4, n * 7 % 90 - 20, json_array({topic}),
              json_array('Remember: ' || {lesson}),
              strftime('%Y-%m-%dT%H:%M:%SZ', '2026-07-05', printf('-%d days', 7 * n))",
    },
    // Each account has 4 limits, one per action, and 3 cursors, one per feed.
    Table {
        name: "rate_limits",
        weight: 4,
        columns: "account_id, action_type, request_count, max_requests, period_seconds,
                  period_start",
        row: "printf('00000000-0000-4000-8000-%012d', 1 + (n - 1) / 4), {limited_action},
              n % 50, 50, 86400, {time}",
    },
    Table {
        name: "cursors",
        weight: 4,
        columns: "account_id, name, value, updated_at",
        row: "printf('00000000-0000-4000-8000-%012d', 1 + (n - 1) / 3), {feed},
              printf('%d', 1800000000000000000 + n * 1000003), {time}",
    },
    Table {
        name: "action_log",
        weight: 150,
        columns: "action_type, status, message, created_at",
        row: "{action}, {action_status}, 'About ' || {topic} || ', entry ' || n, {time}",
    },
    Table {
        name: "llm_usage",
        weight: 60,
        columns: "usage_type, provider, model, input_tokens, output_tokens, cost_usd, created_at",
        row: "{action}, {provider}, {model}, 300 + n * 17 % 1500, 40 + n * 7 % 260,
              n * 13 % 900 / 100000.0, {time}",
    },
    Table {
        name: "x_api_usage",
        weight: 60,
        columns: "endpoint, method, status_code, cost_usd, created_at",
        row: "{endpoint}, {method}, CASE WHEN n % 41 = 0 THEN 429 ELSE 200 END,
              n * 7 % 50 / 10000.0, {time}",
    },
    Table {
        name: "mcp_telemetry",
        weight: 40,
        columns: "tool_name, category, latency_ms, success, error_code, policy_decision,
                  created_at",
        row: "{tool}, {tool_category}, 5 + n * 17 % 900, n % 29 != 0,
              CASE WHEN n % 29 = 0 THEN 'timeout' END, 'allow', {time}",
    },
    Table {
        name: "mutation_audit",
        weight: 20,
        columns: "correlation_id, idempotency_key, tool_name, params_hash, params_summary,
                  result_summary, status, elapsed_ms, created_at, completed_at",
        row: "printf('00000000-0000-4000-9000-%012d', n), 'demo-' || n, {tool},
              printf('%064x', n * 1000037), json_object('topic', {topic}), 'done', 'success',
              20 + n * 19 % 700, {time}, {time}",
    },
];

/// What stands for a name in braces: the word whose turn it is at row `n`.
/// Lengths without a common factor make for many combinations.
const WORDS: &[(&str, &[&str])] = &[
    (
        "topic",
        &[
            "home automation",
            "database migrations",
            "developer onboarding",
            "observability",
            "pricing pages",
            "open-source licences",
            "indie products",
            "Rust services",
        ],
    ),
    (
        "hook",
        &[
            "Three things nobody says about",
            "We spent a month on",
            "An unpopular view of",
            "What we learned from",
            "The cheapest way to start with",
            "Stop overthinking",
            "A short story about",
        ],
    ),
    (
        "lesson",
        &[
            "measure first, argue later",
            "the boring answer wins",
            "write the runbook before the incident",
            "delete more than you add",
            "ship the small version and listen",
        ],
    ),
    (
        "archetype",
        &[
            "agree_and_expand",
            "ask_question",
            "share_experience",
            "add_data",
        ],
    ),
    (
        "author",
        &[
            "mara", "jonas", "aiko", "tobi", "lucia", "sam", "noor", "pavel", "ines", "kofi",
            "hedda",
        ],
    ),
    ("provider", &["openai", "anthropic", "ollama"]),
    ("model", &["gpt-4o-mini", "claude-haiku-4-5", "llama3.2"]),
    ("role", &["approver", "viewer"]),
    ("target_status", &["active", "active", "muted"]),
    ("node_status", &["pending", "processed", "skipped"]),
    ("seed_status", &["pending", "used", "rejected"]),
    ("content_type", &["tweet", "thread"]),
    ("scheduled_status", &["posted", "cancelled", "failed"]),
    ("review_status", &["posted", "rejected", "expired"]),
    ("media_folder", &["photos", "graphics", "clips"]),
    ("media_extension", &["jpg", "png", "mp4"]),
    ("media_type", &["image/jpeg", "image/png", "video/mp4"]),
    ("limited_action", &["reply", "tweet", "thread", "like"]),
    ("feed", &["mentions", "home_timeline", "search"]),
    ("action", &["search", "reply", "tweet", "thread", "score"]),
    (
        "action_status",
        &[
            "success", "success", "skipped", "success", "failure", "success",
        ],
    ),
    (
        "endpoint",
        &["/2/tweets/search/recent", "/2/tweets", "/2/users/me"],
    ),
    ("method", &["GET", "POST", "GET"]),
    (
        "tool",
        &["search_tweets", "draft_reply", "post_tweet", "get_stats"],
    ),
    ("tool_category", &["read", "draft", "write", "read"]),
];

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
