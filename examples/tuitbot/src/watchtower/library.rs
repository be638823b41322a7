use sqlx::SqlitePool;

use super::note::Note;

/// The notes in the database.
#[derive(Clone, Debug)]
pub(super) struct Library {
    pool: SqlitePool,
}

impl Library {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// The row of a source folder; made when it is missing.
    pub(super) async fn source(&self, folder: &str) -> Result<i64, sqlx::Error> {
        let known = sqlx::query_scalar("SELECT id FROM source_contexts WHERE path = ?")
            .bind(folder)
            .fetch_optional(&self.pool)
            .await?;
        if let Some(source) = known {
            return Ok(source);
        }
        sqlx::query_scalar(
            "INSERT INTO source_contexts (source_type, path) VALUES ('local_folder', ?)
             RETURNING id",
        )
        .bind(folder)
        .fetch_one(&self.pool)
        .await
    }

    /// Says that a source has been read from end to end.
    pub(super) async fn mark_synced(&self, source: i64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE source_contexts
             SET last_synced_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
             WHERE id = ?",
        )
        .bind(source)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The relative paths of the source's notes at and below a place.
    pub(super) async fn paths(&self, source: i64, place: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT relative_path FROM content_nodes
             WHERE source_id = ?1
               AND (?2 IN ('', relative_path)
                    OR substr(relative_path, 1, length(?2) + 1) = ?2 || '/')",
        )
        .bind(source)
        .bind(place)
        .fetch_all(&self.pool)
        .await
    }

    /// Keeps a note; one that has not changed is not written again.
    pub(super) async fn keep(
        &self,
        source: i64,
        relative_path: &str,
        note: &Note,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO content_nodes (source_id, relative_path, title, body, content_hash)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (source_id, relative_path) DO UPDATE
             SET title = excluded.title, body = excluded.body,
                 content_hash = excluded.content_hash, status = 'pending',
                 updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
             WHERE content_hash <> excluded.content_hash",
        )
        .bind(source)
        .bind(relative_path)
        .bind(&note.title)
        .bind(&note.body)
        .bind(&note.content_hash)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes a note, with the hooks drawn out of it. Tweets written from it stay.
    pub(super) async fn remove(&self, source: i64, relative_path: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let node: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM content_nodes WHERE source_id = ? AND relative_path = ?",
        )
        .bind(source)
        .bind(relative_path)
        .fetch_optional(&mut *transaction)
        .await?;
        for statement in [
            "DELETE FROM draft_seeds WHERE node_id = ?",
            "UPDATE original_tweets SET source_node_id = NULL WHERE source_node_id = ?",
            "DELETE FROM content_nodes WHERE id = ?",
        ] {
            sqlx::query(statement)
                .bind(node)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}
