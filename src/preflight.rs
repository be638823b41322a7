//! What a reset needs to write to besides what it clears, looked at before anything is
//! changed.

use std::path::Path;

use crate::blocker::Blocker;
use crate::data_directory::obstacle_of_file;
use crate::engine::Inner;
use crate::item::ItemKind;
use crate::relative_path::OWN_DIRECTORY;
use crate::reserve;

/// What of the database's files, which take the commit record of every reset, and of the
/// framework's own directory, cannot be written. Blocks.
pub(crate) fn blockers(inner: &Inner) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if let Some(reason) = inner.data_directory.own_obstacle() {
        blockers.push(Blocker::new(ItemKind::Path, OWN_DIRECTORY, reason));
    }
    let database = inner.database.as_ref();
    if database.is_some()
        && let Some(reason) = reserve::obstacle(&inner.data_directory)
    {
        blockers.push(Blocker::new(ItemKind::Path, OWN_DIRECTORY, reason));
    }
    let mut files = database.map_or_else(Vec::new, |database| database.files());
    // Logs and journals come and go beside the first of them.
    let beside = files.first().and_then(|file| file.parent());
    files.extend(beside.map(Path::to_owned));
    for file in files {
        if let Some(reason) = obstacle_of_file(&file) {
            let name = inner.data_directory.name_of(&file);
            blockers.push(Blocker::new(ItemKind::Path, name, reason));
        }
    }
    blockers
}
