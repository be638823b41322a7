//! The least that a preview of tables can cost.

use std::path::PathBuf;

use clap::Args;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

use super::line;
use crate::failure::Failure;

/// Counts the rows of tables on one connection that is warm.
#[derive(Debug, Args)]
pub(crate) struct Counts {
    /// The file.
    #[arg(long)]
    database: PathBuf,
    /// The tables.
    #[arg(long, value_delimiter = ',')]
    tables: Vec<String>,
}

impl Counts {
    pub(super) async fn play(self) -> Result<(), Failure> {
        let options = SqliteConnectOptions::new().filename(&self.database);
        let mut connection = options.connect().await?;
        self.count(&mut connection).await?;
        line::ready()?;
        self.count(&mut connection).await?;
        line::done()?;
        Ok(())
    }

    async fn count(&self, connection: &mut SqliteConnection) -> Result<i64, Failure> {
        let mut sum = 0;
        for table in &self.tables {
            // The names come from the database's own catalogue.
            let sql = AssertSqlSafe(format!("SELECT count(*) FROM \"{table}\""));
            let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
            sum += rows;
        }
        Ok(sum)
    }
}
