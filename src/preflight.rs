//! What a reset needs to write to besides what it clears, looked at before anything is
//! changed.

use std::sync::Arc;

use crate::blocker::Blocker;
use crate::data_directory::obstacle_of_file;
use crate::engine::Inner;
use crate::item::ItemKind;
use crate::plan::PlannedStep;
use crate::relative_path::OWN_DIRECTORY;
use crate::task::blocking;

/// What of the database's files, and of the framework's own directory, cannot be written.
pub(crate) async fn blockers(inner: &Arc<Inner>, steps: &[PlannedStep]) -> Vec<Blocker> {
    let items = || steps.iter().flat_map(|planned| planned.plan.items());
    let rows = items().any(|item| item.kind == ItemKind::Table);
    let inner = inner.clone();
    blocking(move || {
        let mut blockers = Vec::new();
        if let Some(reason) = inner.data_directory.own_obstacle() {
            blockers.push(Blocker::new(ItemKind::Path, OWN_DIRECTORY, reason));
        }
        let database = inner.database.as_ref().filter(|_| rows);
        let files = database.map_or_else(Vec::new, |database| database.files());
        for file in files {
            if let Some(reason) = obstacle_of_file(&file) {
                let name = inner.data_directory.name_of(&file);
                blockers.push(Blocker::new(ItemKind::Path, name, reason));
            }
        }
        blockers
    })
    .await
}
