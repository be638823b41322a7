//! What is in the data directory.

use std::path::Path;

use walkdir::WalkDir;

use super::Found;

/// The framework's own directory.
const OWN: &str = ".factory-reset";

/// Everything at the top of `data_dir`, by name; links are not followed.
pub(super) fn survey(data_dir: &Path) -> Result<Vec<Found>, String> {
    let mut found: Vec<Found> = Vec::new();
    for entry in WalkDir::new(data_dir).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("cannot be read: {error}"))?;
        let is_directory = entry.file_type().is_dir();
        if entry.depth() == 1 {
            found.push(Found {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_directory,
                files: 0,
                bytes: 0,
            });
        }
        let Some(top) = found.last_mut().filter(|_| !is_directory) else {
            continue;
        };
        let metadata = entry.metadata();
        let metadata = metadata.map_err(|error| format!("cannot be read: {error}"))?;
        top.files += 1;
        top.bytes += metadata.len();
    }
    found.retain(|found| found.name != OWN);
    Ok(found)
}
