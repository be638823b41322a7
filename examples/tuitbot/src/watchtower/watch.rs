use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use factory_reset::chain;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use walkdir::WalkDir;

use super::changes::Changes;
use super::library::Library;
use super::note::Note;

/// One watch over some source folders, from start to stop.
pub(super) struct Watch {
    sources: Vec<PathBuf>,
    library: Library,
    stop: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("database query error")]
    Database(#[from] sqlx::Error),
    #[error("failed to read the folder")]
    Walk(#[from] walkdir::Error),
    #[error("the reading was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl Watch {
    /// Editors write a file in several steps: read it after the last of them.
    const CALM: Duration = Duration::from_millis(100);

    pub(super) fn new(sources: Vec<PathBuf>, library: Library, stop: CancellationToken) -> Self {
        Self {
            sources,
            library,
            stop,
        }
    }

    /// Reads everything, then what changes, until it is told to stop. A statement
    /// under way is always finished: see the automation's loops for why.
    pub(super) async fn run(self) {
        let changes = Arc::new(Changes::new(self.sources.clone()));
        // Watching comes first, so that no change falls between it and the reading.
        let watcher = watch(self.sources.clone(), Arc::clone(&changes)).await;
        self.look_at(self.sources.iter().cloned().collect()).await;
        while !self.stop.is_cancelled() {
            let changed = async {
                changes.arrived().await;
                tokio::time::sleep(Self::CALM).await;
            };
            if self.stop.run_until_cancelled(changed).await.is_some() {
                self.look_at(changes.take()).await;
            }
        }
        drop(watcher);
    }

    /// Brings the library up to date with these places of the file system.
    async fn look_at(&self, places: BTreeSet<PathBuf>) {
        for place in &places {
            for source in &self.sources {
                if self.stop.is_cancelled() {
                    return;
                }
                let Ok(relative) = place.strip_prefix(source) else {
                    continue;
                };
                if let Err(error) = self.synchronise(source, relative).await {
                    let place = place.display();
                    let error = chain(&error);
                    tracing::warn!(%place, %error, "failed to read notes");
                }
            }
        }
    }

    /// Brings the library up to date with one place: a file, or a folder with all
    /// that is in it. What is not there any more is removed.
    async fn synchronise(&self, folder: &Path, place: &Path) -> Result<(), WatchError> {
        // A name that is no text cannot be kept.
        let (Some(folder_name), Some(place_name)) = (folder.to_str(), place.to_str()) else {
            return Ok(());
        };
        let found = self.find_notes(folder, place).await?;
        let source = self.library.source(folder_name).await?;
        let known = self.library.paths(source, place_name).await?;
        let mut outdated = BTreeSet::from_iter(known);
        for path in found {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            if let Some(note) = read(folder.join(&path)).await? {
                self.library.keep(source, &path, &note).await?;
                outdated.remove(&path);
            }
        }
        for path in outdated {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            self.library.remove(source, &path).await?;
        }
        if place_name.is_empty() {
            self.library.mark_synced(source).await?;
        }
        Ok(())
    }

    /// The relative paths of the notes at and below a place; links are not followed.
    async fn find_notes(&self, folder: &Path, place: &Path) -> Result<Vec<String>, WatchError> {
        let (folder, place, stop) = (folder.to_owned(), place.to_owned(), self.stop.clone());
        let notes = spawn_blocking(move || {
            let mut notes = Vec::new();
            if leads_over_a_link(&folder, &place) {
                return Ok(notes);
            }
            let is_source = place.as_os_str().is_empty();
            for entry in WalkDir::new(folder.join(place)) {
                if stop.is_cancelled() {
                    break;
                }
                let entry = match entry {
                    Ok(entry) => entry,
                    // A place that is gone holds no notes; a source that is gone may
                    // be a disk that is not mounted.
                    Err(error) if error.depth() > 0 || !is_source => continue,
                    Err(error) => return Err(error),
                };
                if !entry.file_type().is_file() || !Note::has_name(entry.path()) {
                    continue;
                }
                let relative = entry.path().strip_prefix(&folder);
                notes.extend(relative.ok().and_then(Path::to_str).map(str::to_owned));
            }
            Ok(notes)
        });
        Ok(notes.await??)
    }
}

/// Whether there is a link on the way from a source folder to a place in it, which
/// would lead out of what the user asked us to read.
fn leads_over_a_link(folder: &Path, place: &Path) -> bool {
    let steps = place
        .ancestors()
        .filter(|step| !step.as_os_str().is_empty());
    steps.into_iter().any(|step| folder.join(step).is_symlink())
}

/// A file that cannot be read is told, and treated like one that is not there.
async fn read(path: PathBuf) -> Result<Option<Note>, WatchError> {
    let note = spawn_blocking(move || {
        Note::read(&path).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "failed to read a note");
            None
        })
    });
    Ok(note.await?)
}

/// Asks the operating system to report changes; what it refuses is told, and the
/// other folders are watched all the same.
async fn watch(sources: Vec<PathBuf>, changes: Arc<Changes>) -> Option<RecommendedWatcher> {
    let watcher = spawn_blocking(move || {
        let mut watcher = RecommendedWatcher::new(
            move |event| changes.record(event),
            notify::Config::default().with_follow_symlinks(false),
        )?;
        for source in sources {
            if let Err(error) = watcher.watch(&source, RecursiveMode::Recursive) {
                tracing::warn!(source = %source.display(), %error, "failed to watch");
            }
        }
        Ok::<_, notify::Error>(watcher)
    });
    match watcher.await {
        Ok(Ok(watcher)) => Some(watcher),
        Ok(Err(error)) => {
            tracing::warn!(%error, "failed to watch for changes");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "failed to watch for changes");
            None
        }
    }
}
