//! What is in the data directory.

use std::fs::{DirEntry, read_dir};
use std::path::Path;

use walkdir::WalkDir;

use super::Found;

/// The framework's own directory.
const OWN: &str = ".factory-reset";

/// What the place of backups is called.
const BACKUPS: &str = "backups";

/// What a manifest is called unless somebody says otherwise.
const MANIFEST: &str = "factory-reset.toml";

/// Everything at the top of `data_dir`, by name, but for the manifest at `output` and what holds
/// it; links are not followed.
pub(super) fn survey(data_dir: &Path, output: &Path) -> Result<Vec<Found>, String> {
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
    let manifest = top(data_dir, output);
    let stays = [Some(OWN), Some(MANIFEST), manifest.as_deref()];
    found.retain(|found| !stays.contains(&Some(found.name.as_str())));
    Ok(found)
}

/// What at the top of `data_dir` is, or holds, the file at `path`, which need not be there.
fn top(data_dir: &Path, path: &Path) -> Option<String> {
    let directory = std::path::absolute(path).ok()?;
    let directory = directory.parent()?.canonicalize().ok()?;
    let path = directory.join(path.file_name()?);
    let mut names = path.strip_prefix(data_dir).ok()?.components();
    Some(names.next()?.as_os_str().to_str()?.to_owned())
}

/// Where backups can go: beside what is there, unless that is a place of backups already, which
/// is then nothing to clear.
pub(super) fn backups(data_dir: &Path, found: &mut Vec<Found>) -> &'static str {
    let Some(place) = found.iter().position(|found| found.name == BACKUPS) else {
        return BACKUPS;
    };
    let is_bundle = |entry: std::io::Result<DirEntry>| {
        let suffixes = [".tar.zst", ".tar.zst.sha256"];
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            suffixes.iter().any(|suffix| name.ends_with(suffix))
        })
    };
    let entries = read_dir(data_dir.join(BACKUPS));
    if entries.is_ok_and(|mut entries| entries.all(is_bundle)) {
        found.remove(place);
        return BACKUPS;
    }
    "reset-backups"
}
