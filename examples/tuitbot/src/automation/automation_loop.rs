use std::sync::Arc;
use std::time::Duration;

use factory_reset::chain;
use sqlx::{SqliteExecutor, SqlitePool};
use tokio_util::sync::CancellationToken;

use super::{Generators, analytics, content, discovery};
use crate::{Configuration, ConfigurationError, ConfigurationFile};

/// What the loops of one account work with.
pub(super) struct Workplace {
    pub(super) account: String,
    pub(super) pool: SqlitePool,
    pub(super) configuration: ConfigurationFile,
    pub(super) generators: Arc<Generators>,
    /// How long the busiest loop rests between two rounds.
    pub(super) pause: Duration,
}

/// The loops that a runtime consists of.
#[derive(Clone, Copy, Debug)]
pub(super) enum AutomationLoop {
    Discovery,
    Content,
    Analytics,
}

#[derive(Debug, thiserror::Error)]
enum TickError {
    #[error("database query error")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

impl AutomationLoop {
    pub(super) const ALL: [Self; 3] = [Self::Discovery, Self::Content, Self::Analytics];

    /// Ticks until it is told to stop. A tick under way is always finished: dropped
    /// in the middle, a statement that SQLite's thread already has would still land
    /// after everybody believes this loop gone.
    pub(super) async fn run(self, workplace: Arc<Workplace>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tick(&workplace).await {
                tracing::warn!(
                    account = workplace.account,
                    automation_loop = self.name(),
                    error = chain(&error),
                    "tick failed",
                );
            }
            let pause = tokio::time::sleep(workplace.pause.mul_f64(self.calm()));
            stop.run_until_cancelled(pause).await;
        }
    }

    async fn tick(self, workplace: &Workplace) -> Result<(), TickError> {
        let Some(configuration) = workplace.configuration.read().await? else {
            workplace
                .log(
                    &workplace.pool,
                    self.name(),
                    "skipped",
                    "waiting for a configuration",
                )
                .await?;
            return Ok(());
        };
        Ok(self.work(workplace, &configuration).await?)
    }

    async fn work(
        self,
        workplace: &Workplace,
        configuration: &Configuration,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Discovery => discovery::tick(workplace, configuration).await,
            Self::Content => content::tick(workplace, configuration).await,
            Self::Analytics => analytics::tick(workplace, configuration).await,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Content => "content",
            Self::Analytics => "analytics",
        }
    }

    /// How much longer it rests than the busiest loop.
    fn calm(self) -> f64 {
        match self {
            Self::Discovery => 1.0,
            Self::Content => 1.6,
            Self::Analytics => 2.0,
        }
    }
}

impl Workplace {
    /// Writes a line of the action log.
    pub(super) async fn log(
        &self,
        executor: impl SqliteExecutor<'_>,
        action_type: &str,
        status: &str,
        message: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO action_log (account_id, action_type, status, message)
             VALUES (?, ?, ?, ?)",
        )
        .bind(&self.account)
        .bind(action_type)
        .bind(status)
        .bind(message)
        .execute(executor)
        .await?;
        Ok(())
    }
}
