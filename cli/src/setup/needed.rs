//! What the next reset needs, which stays should it lie in the data directory.

use std::path::{Path, PathBuf};

use factory_reset::RelativePath;

use crate::manifest::Manifest;

/// Why the manifest stays.
const DESCRIBES: &str = "describes this service to factory-reset";

/// Why what `[factory]` names stays.
const HOLDS: &str = "holds the rows of a fresh install";

/// Why what `[service]` names stays.
const RUNS: &str = "stops or starts this service";

/// A file in the data directory that a reset must not take away.
pub(super) struct Needed {
    pub(super) path: RelativePath,
    pub(super) reason: &'static str,
    /// Whether it stays whatever the manifest says: a mere argument of a command can as well be
    /// something that the service writes.
    pub(super) is_certain: bool,
}

/// What of `manifest`, at `file`, and of all that it names relative to `base`, is in `data_dir`.
pub(super) fn needed(
    manifest: &Manifest,
    file: &Path,
    pristine: Option<&Path>,
    base: &Path,
    data_dir: &Path,
) -> Vec<Needed> {
    let Ok(data_dir) = data_dir.canonicalize() else {
        return Vec::new();
    };
    let mut needed = Vec::new();
    let mut add = |file: &Path, reason, is_certain| {
        let found = places(file).into_iter().filter_map(|place| {
            let path = RelativePath::new(place.strip_prefix(&data_dir).ok()?).ok()?;
            Some(Needed {
                path,
                reason,
                is_certain,
            })
        });
        needed.extend(found);
    };
    add(
        &base.join(file.file_name().unwrap_or_default()),
        DESCRIBES,
        true,
    );
    let script = manifest.factory.as_ref().and_then(|it| it.script.as_ref());
    if let Some(script) = script {
        add(&base.join(script), HOLDS, true);
    }
    if let Some(pristine) = pristine {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = pristine.as_os_str().to_owned();
            file.push(suffix);
            add(Path::new(&file), HOLDS, true);
        }
    }
    for command in manifest.service.iter().flat_map(|it| [&it.stop, &it.start]) {
        let Some((program, arguments)) = command.split_first() else {
            continue;
        };
        // One without a slash is looked for in `PATH`.
        if program.contains('/') {
            add(&base.join(program), RUNS, true);
        }
        for argument in arguments {
            add(&base.join(argument), RUNS, false);
        }
    }
    needed
}

/// Where the file at `path` is: under that name, and where a link of that name leads.
fn places(path: &Path) -> Vec<PathBuf> {
    let named = || {
        let name = path.file_name()?;
        Some(path.parent()?.canonicalize().ok()?.join(name))
    };
    let places = [named(), path.canonicalize().ok()];
    let mut places: Vec<_> = places.into_iter().flatten().collect();
    places.retain(|place| place.is_file());
    places.dedup();
    places
}
