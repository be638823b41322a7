use jiff::Timestamp;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::automation_loop::Workplace;
use crate::Configuration;

/// Takes the day's follower count, and scores one topic.
pub(super) async fn tick(
    workplace: &Workplace,
    configuration: &Configuration,
) -> Result<(), sqlx::Error> {
    let topics = &configuration.business.industry_topics;
    let Some(topic) = topics.choose(&mut rand::rng()) else {
        return Ok(());
    };
    let gained = rand::rng().random_range(0..5);
    let performance: f64 = rand::rng().random();

    let mut transaction = workplace.pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "INSERT INTO follower_snapshots (account_id, snapshot_date, follower_count)
         VALUES (?, ?, ?)
         ON CONFLICT (account_id, snapshot_date)
         DO UPDATE SET follower_count = follower_count + excluded.follower_count",
    )
    .bind(&workplace.account)
    .bind(Timestamp::now().strftime("%F").to_string())
    .bind(gained)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO content_scores (account_id, topic, format, total_posts, avg_performance)
         VALUES (?, ?, 'tweet', 1, ?)
         ON CONFLICT (account_id, topic, format)
         DO UPDATE SET total_posts = total_posts + 1,
                       avg_performance = excluded.avg_performance",
    )
    .bind(&workplace.account)
    .bind(topic)
    .bind(performance)
    .execute(&mut *transaction)
    .await?;
    workplace
        .log(&mut *transaction, "analytics", "success", topic)
        .await?;
    transaction.commit().await
}
