use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Generators;
use super::automation_loop::{AutomationLoop, Workplace};
use crate::ConfigurationFile;

/// The automation runtimes of this process, one per account.
pub struct Runtimes {
    pool: SqlitePool,
    configuration: ConfigurationFile,
    generators: Arc<Generators>,
    pause: Duration,
    by_account: Mutex<ByAccount>,
}

type ByAccount = BTreeMap<String, Runtime>;

/// The loops of one account.
#[derive(Clone, Debug)]
struct Runtime {
    loops: TaskTracker,
    stop: CancellationToken,
}

/// The account's runtime runs, or is still stopping.
#[derive(Debug, thiserror::Error)]
#[error("the automation is already running")]
pub struct AlreadyRunning;

/// The account has no runtime.
#[derive(Debug, thiserror::Error)]
#[error("the automation is not running")]
pub struct NotRunning;

impl Runtimes {
    /// The account that every install has.
    pub const DEFAULT_ACCOUNT: &'static str = "00000000-0000-0000-0000-000000000000";

    /// How long a bot rests between two rounds unless it is told otherwise: long enough to look
    /// at what a reset would clear before something is added to it.
    pub const PAUSE: Duration = Duration::from_secs(300);

    /// No runtimes yet; those to come work on this database and configuration, and rest for
    /// about `pause` between two rounds.
    #[must_use]
    pub fn new(
        pool: SqlitePool,
        configuration: ConfigurationFile,
        generators: Arc<Generators>,
        pause: Duration,
    ) -> Self {
        Self {
            pool,
            configuration,
            generators,
            pause,
            by_account: Mutex::default(),
        }
    }

    /// Starts the account's runtime; works without a configuration too, then its
    /// loops wait for one. Call it within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When it runs already, or is still stopping.
    pub fn start(&self, account: &str) -> Result<(), AlreadyRunning> {
        let mut by_account = self.lock();
        if by_account.contains_key(account) {
            return Err(AlreadyRunning);
        }
        let runtime = self.spawn_loops(account);
        by_account.insert(account.to_owned(), runtime);
        tracing::info!(account, "automation started");
        Ok(())
    }

    /// Stops the account's runtime: when this returns, none of its rows can come
    /// any more.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn stop(&self, account: &str) -> Result<(), NotRunning> {
        let runtime = self.lock().get(account).cloned().ok_or(NotRunning)?;
        self.finish(account, &runtime).await;
        Ok(())
    }

    /// Stops all runtimes; which accounts' they were.
    pub async fn stop_all(&self) -> Vec<String> {
        let runtimes = self.lock().clone();
        // All are told before the first is waited for.
        for runtime in runtimes.values() {
            runtime.stop.cancel();
        }
        for (account, runtime) in &runtimes {
            self.finish(account, runtime).await;
        }
        runtimes.into_keys().collect()
    }

    /// Starts again the runtimes of these accounts that do not run.
    pub fn resume(&self, accounts: &[String]) {
        for account in accounts {
            // Already running is what is asked for.
            let _ = self.start(account);
        }
    }

    /// The accounts whose runtime runs, with the number of its loops.
    pub fn running(&self) -> Vec<(String, usize)> {
        self.lock()
            .iter()
            .map(|(account, runtime)| (account.clone(), runtime.loops.len()))
            .collect()
    }

    fn spawn_loops(&self, account: &str) -> Runtime {
        let workplace = Arc::new(Workplace {
            account: account.to_owned(),
            pool: self.pool.clone(),
            configuration: self.configuration.clone(),
            generators: Arc::clone(&self.generators),
            pause: self.pause,
        });
        let (loops, stop) = (TaskTracker::new(), CancellationToken::new());
        for automation_loop in AutomationLoop::ALL {
            loops.spawn(automation_loop.run(Arc::clone(&workplace), stop.clone()));
        }
        loops.close();
        Runtime { loops, stop }
    }

    /// A runtime stays listed until its last loop has ended: should the caller give
    /// up waiting, the next one waits for it again.
    async fn finish(&self, account: &str, runtime: &Runtime) {
        runtime.stop.cancel();
        runtime.loops.wait().await;
        let mut by_account = self.lock();
        // Two may have waited, and a third started it anew in between.
        if by_account.get(account).is_some_and(Runtime::is_stopped)
            && by_account.remove(account).is_some()
        {
            tracing::info!(account, "automation stopped");
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByAccount> {
        self.by_account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime {
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}
