use sqlx::AnyConnection;

use super::words::{REMARKS, TAGS, word};

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
