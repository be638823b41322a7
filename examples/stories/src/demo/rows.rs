use serde_json::json;
use sqlx::AnyConnection;

use super::words::{ACTIONS, NAMES, REMARKS, SENTENCES, SUMMARIES, TAGS, TITLES, word};
use crate::Database;

/// How many stories there are; most other rows hang on them.
const STORIES: i64 = 24;
/// 2100-01-01: no session of the demo expires while somebody looks.
const NEVER: i64 = 4_102_444_800;

/// Stories by all users in turn; some without a summary, some with a cover.
pub(super) async fn stories(
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<Vec<i64>, sqlx::Error> {
    let mut ids = Vec::new();
    for (n, user) in (1..=STORIES).zip(users.iter().cycle()) {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO stories (author_id, title, summary, cover, published_at)
             VALUES ($1, $2, $3, $4, CASE WHEN $5 = 1 THEN CURRENT_TIMESTAMP END) RETURNING id",
        )
        .bind(*user)
        .bind(format!("{} #{n}", word(&TITLES, n)))
        .bind((n % 3 != 0).then(|| word(&SUMMARIES, n)))
        .bind((n % 2 == 0).then(|| cover(n)))
        .bind(n % 2)
        .fetch_one(&mut *connection)
        .await?;
        ids.push(id);
    }
    Ok(ids)
}

/// Bytes that are no text: every value, NUL too.
fn cover(n: i64) -> Vec<u8> {
    let bytes = (0..=u8::MAX).map(|byte| byte.wrapping_mul(n as u8 | 1));
    b"\x89PNG\r\n\x1a\n".iter().copied().chain(bytes).collect()
}

/// Three in each story, one of them its protagonist.
pub(super) async fn characters(
    connection: &mut AnyConnection,
    stories: &[i64],
) -> Result<(), sqlx::Error> {
    for story in stories {
        for n in 0..3 {
            let motto = (n != 1).then(|| word(&SENTENCES, story + n));
            sqlx::query(
                "INSERT INTO characters (story_id, name, motto, is_protagonist)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(*story)
            .bind(word(&NAMES, story + n))
            .bind(motto)
            .bind(n == 0)
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

/// One to four in each story, each after the one before.
pub(super) async fn chapters(
    connection: &mut AnyConnection,
    stories: &[i64],
) -> Result<(), sqlx::Error> {
    for story in stories {
        let mut previous: Option<i64> = None;
        for number in 1..=1 + story % 4 {
            let id = sqlx::query_scalar(
                "INSERT INTO chapters (story_id, previous_id, number, title, body)
                 VALUES ($1, $2, $3, $4, $5) RETURNING id",
            )
            .bind(*story)
            .bind(previous)
            .bind(number)
            .bind(word(&SUMMARIES, story + number))
            .bind(word(&SENTENCES, story * number).repeat(5))
            .fetch_one(&mut *connection)
            .await?;
            previous = Some(id);
        }
    }
    Ok(())
}

/// Four on each story; every other one answers the one before.
pub(super) async fn comments(
    connection: &mut AnyConnection,
    stories: &[i64],
    users: &[i64],
) -> Result<(), sqlx::Error> {
    let mut authors = users.iter().cycle();
    for story in stories {
        let mut previous: Option<i64> = None;
        for n in 0..4 {
            let id = sqlx::query_scalar(
                "INSERT INTO comments (story_id, author_id, parent_id, text)
                 VALUES ($1, $2, $3, $4) RETURNING id",
            )
            .bind(*story)
            .bind(authors.next().copied())
            .bind(previous.filter(|_| n % 2 == 1))
            .bind(word(&REMARKS, story + n))
            .fetch_one(&mut *connection)
            .await?;
            previous = Some(id);
        }
    }
    Ok(())
}

/// Two on each story.
pub(super) async fn tags(
    connection: &mut AnyConnection,
    stories: &[i64],
) -> Result<(), sqlx::Error> {
    let mut tags: Vec<i64> = Vec::new();
    for name in TAGS {
        let insert = sqlx::query_scalar("INSERT INTO tags (name) VALUES ($1) RETURNING id");
        tags.push(insert.bind(name).fetch_one(&mut *connection).await?);
    }
    for (n, story) in stories.iter().enumerate() {
        for tag in [tags[n % tags.len()], tags[(n + 3) % tags.len()]] {
            sqlx::query("INSERT INTO story_tags (story_id, tag_id) VALUES ($1, $2)")
                .bind(*story)
                .bind(tag)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// As many as there are months.
pub(super) async fn reports(
    database: &Database,
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    let insert = database.either(
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, $3)",
        "INSERT INTO reports (author_id, name, figures) VALUES ($1, $2, CAST($3 AS jsonb))",
    );
    for n in 1..=12 {
        sqlx::query(insert)
            .bind(users[0])
            .bind(format!("monthly-2026-{n:02}"))
            .bind(json!({ "stories": n, "by": word(&NAMES, n) }).to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Three a user.
pub(super) async fn sessions(
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    for user in users {
        for n in 1..=3 {
            sqlx::query("INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, $3)")
                .bind(format!("demo-{user}-{n}"))
                .bind(*user)
                .bind(NEVER)
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// What all of them did, and now and then nobody.
pub(super) async fn audit_log(
    database: &Database,
    connection: &mut AnyConnection,
    users: &[i64],
) -> Result<(), sqlx::Error> {
    let insert = database.either(
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, $3)",
        "INSERT INTO audit_log (user_id, action, detail) VALUES ($1, $2, CAST($3 AS jsonb))",
    );
    for (n, user) in (1..=40).zip(users.iter().cycle()) {
        let detail = (n % 4 != 0).then(|| json!({ "number": n }).to_string());
        sqlx::query(insert)
            .bind((n % 5 != 0).then_some(*user))
            .bind(word(&ACTIONS, n))
            .bind(detail)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
