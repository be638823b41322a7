use sqlx::AnyConnection;

use super::words::{NAMES, SENTENCES, SUMMARIES, TITLES, word};

/// How many stories there are; most other rows hang on them.
const STORIES: i64 = 24;

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
