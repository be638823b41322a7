use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::SqlitePool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::library::Library;
use super::watch::Watch;

/// The watch over the user's source folders; there is one at most.
pub struct Watchtower {
    library: Library,
    current: Mutex<Option<Current>>,
}

#[derive(Clone, Debug)]
struct Current {
    sources: Vec<PathBuf>,
    task: TaskTracker,
    stop: CancellationToken,
}

/// The watchtower watches, or is still stopping.
#[derive(Debug, thiserror::Error)]
#[error("the watchtower is already running")]
pub struct AlreadyWatching;

impl Watchtower {
    /// Watches nothing yet; what it will read goes into this database.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self {
            library: Library::new(pool),
            current: Mutex::default(),
        }
    }

    /// Starts to watch these folders; with none it stays idle. Call it within a
    /// Tokio runtime.
    ///
    /// # Errors
    ///
    /// When it watches already, or is still stopping.
    pub fn start(&self, mut sources: Vec<PathBuf>) -> Result<(), AlreadyWatching> {
        sources.sort();
        sources.dedup();
        if sources.is_empty() {
            return Ok(());
        }
        let mut current = self.lock();
        if current.is_some() {
            return Err(AlreadyWatching);
        }
        let (task, stop) = (TaskTracker::new(), CancellationToken::new());
        let watch = Watch::new(sources.clone(), self.library.clone(), stop.clone());
        task.spawn(watch.run());
        task.close();
        tracing::info!(folders = sources.len(), "watchtower started");
        *current = Some(Current {
            sources,
            task,
            stop,
        });
        Ok(())
    }

    /// Stops watching: when this returns, no row can come any more. Which folders it
    /// watched, to [`resume`](Self::resume) with.
    pub async fn stop(&self) -> Vec<PathBuf> {
        let Some(watched) = self.lock().clone() else {
            return Vec::new();
        };
        watched.stop.cancel();
        watched.task.wait().await;
        let mut current = self.lock();
        // Two may have waited, and a third started it anew in between.
        if current
            .as_ref()
            .is_some_and(|current| current.stop.is_cancelled())
        {
            *current = None;
            tracing::info!("watchtower stopped");
        }
        watched.sources
    }

    /// Watches these folders again, unless it watches already.
    pub fn resume(&self, sources: &[PathBuf]) {
        // Already running is what is asked for.
        let _ = self.start(sources.to_vec());
    }

    /// The folders that are watched.
    pub fn running(&self) -> Vec<PathBuf> {
        self.lock()
            .as_ref()
            .map_or_else(Vec::new, |current| current.sources.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
