use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use notify::{Event, EventKind};
use tokio::sync::Notify;

/// The paths that have changed since they were last looked at. A set: however often
/// a file changes, it is read once.
#[derive(Debug)]
pub(super) struct Changes {
    sources: Vec<PathBuf>,
    paths: Mutex<BTreeSet<PathBuf>>,
    arrived: Notify,
}

impl Changes {
    pub(super) fn new(sources: Vec<PathBuf>) -> Self {
        Self {
            sources,
            paths: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Takes in what the operating system reports.
    pub(super) fn record(&self, event: notify::Result<Event>) {
        match event {
            // Our own reading is reported as well.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) if !event.need_rescan() => self.add(event.paths),
            Ok(_) => self.add(self.sources.clone()),
            Err(error) => {
                tracing::warn!(%error, "watching failed, looking at everything again");
                self.add(self.sources.clone());
            }
        }
        self.arrived.notify_one();
    }

    /// Waits until there are some.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes them all.
    pub(super) fn take(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut *self.paths.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, paths: Vec<PathBuf>) {
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(paths);
    }
}
