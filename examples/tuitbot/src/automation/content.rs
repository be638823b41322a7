use rand::seq::IndexedRandom;

use super::automation_loop::Workplace;
use crate::Configuration;

/// Drafts one tweet, from the next note that waits or from a topic alone.
pub(super) async fn tick(
    workplace: &Workplace,
    configuration: &Configuration,
) -> Result<(), sqlx::Error> {
    let topics = &configuration.business.industry_topics;
    let Some(topic) = topics.choose(&mut rand::rng()) else {
        return Ok(());
    };
    let generator = workplace
        .generators
        .for_account(&workplace.account, configuration);

    let mut transaction = workplace.pool.begin_with("BEGIN IMMEDIATE").await?;
    let note: Option<(i64, String)> = sqlx::query_as(
        "UPDATE content_nodes SET status = 'processed'
         WHERE id = (SELECT id FROM content_nodes WHERE status = 'pending'
                     ORDER BY ingested_at, id LIMIT 1)
         RETURNING id, coalesce(title, relative_path)",
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let (node, title) = note.unzip();
    let draft = generator.draft(topic, title.as_deref());
    if let Some(node) = node {
        sqlx::query("INSERT INTO draft_seeds (account_id, node_id, hook_text) VALUES (?, ?, ?)")
            .bind(&workplace.account)
            .bind(node)
            .bind(&title)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query(
        "INSERT INTO original_tweets
             (account_id, source_node_id, content, topic, llm_provider, llm_model)
         VALUES (?, ?, ?, ?, 'template', 'template-1')",
    )
    .bind(&workplace.account)
    .bind(node)
    .bind(&draft.text)
    .bind(topic)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO llm_usage
             (account_id, usage_type, provider, model, input_tokens, output_tokens)
         VALUES (?, 'draft', 'template', 'template-1', ?, ?)",
    )
    .bind(&workplace.account)
    .bind(draft.input_tokens)
    .bind(draft.output_tokens)
    .execute(&mut *transaction)
    .await?;
    workplace
        .log(&mut *transaction, "content", "success", topic)
        .await?;
    transaction.commit().await
}
