//! How the ancestor of this project did it.

use std::path::PathBuf;

use clap::Args;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::line;
use crate::failure::Failure;

/// Deletes from every table in one transaction, with foreign keys on.
#[derive(Debug, Args)]
pub(crate) struct Ancestor {
    /// The file.
    #[arg(long)]
    database: PathBuf,
    /// The tables, children before their parents.
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
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
        for table in &self.tables {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM \"{table}\"")))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        line::committed()?;
        line::done()?;
        Ok(())
    }
}
