//! How the ancestor of this project did it.

use std::path::PathBuf;

use clap::Args;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::line;
use crate::failure::Failure;

/// Its tables, children first: a list by hand, to be kept with every migration.
const TABLES: [&str; 29] = [
    "approval_edit_history",
    "approval_queue",
    "thread_tweets",
    "threads",
    "original_tweets",
    "draft_seeds",
    "content_nodes",
    "source_contexts",
    "target_tweets",
    "target_accounts",
    "discovered_tweets",
    "author_interactions",
    "replies_sent",
    "scheduled_content",
    "media_uploads",
    "follower_snapshots",
    "reply_performance",
    "tweet_performance",
    "content_scores",
    "strategy_reports",
    "rate_limits",
    "cursors",
    "action_log",
    "llm_usage",
    "x_api_usage",
    "mcp_telemetry",
    "mutation_audit",
    "account_roles",
    "accounts",
];

/// Deletes from every table in one transaction, with foreign keys on.
#[derive(Debug, Args)]
pub(crate) struct Ancestor {
    /// The file.
    #[arg(long)]
    database: PathBuf,
}

impl Ancestor {
    pub(super) async fn play(self) -> Result<(), Failure> {
        let mut connection = SqliteConnectOptions::new()
            .filename(&self.database)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Extra)
            .pragma("secure_delete", "OFF")
            .busy_timeout(std::time::Duration::from_secs(60))
            .connect()
            .await?;
        line::ready()?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        for table in TABLES {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}")))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        line::committed()?;
        line::done()?;
        Ok(())
    }
}
