use rand::RngExt;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use super::automation_loop::Workplace;
use crate::Configuration;

/// Finds one tweet that matches a keyword.
pub(super) async fn tick(
    workplace: &Workplace,
    configuration: &Configuration,
) -> Result<(), sqlx::Error> {
    let keywords = &configuration.business.product_keywords;
    let Some(keyword) = keywords.choose(&mut rand::rng()) else {
        return Ok(());
    };
    let author = rand::rng().random_range(1..1000);
    let relevance: f64 = rand::rng().random();

    let mut transaction = workplace.pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "INSERT INTO x_api_usage (account_id, endpoint, method, status_code, cost_usd)
         VALUES (?, '/2/tweets/search/recent', 'GET', 200, 0.005)",
    )
    .bind(&workplace.account)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO discovered_tweets
             (id, account_id, author_id, author_username, content, matched_keyword,
              relevance_score)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(&workplace.account)
    .bind(author.to_string())
    .bind(format!("author_{author}"))
    .bind(format!("Has anybody tried {keyword} yet?"))
    .bind(keyword)
    .bind(relevance)
    .execute(&mut *transaction)
    .await?;
    workplace
        .log(&mut *transaction, "discovery", "success", keyword)
        .await?;
    transaction.commit().await
}
