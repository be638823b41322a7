//! The paths that the manifest names.

use std::fs::FileType;
use std::path::Path;

use factory_reset::RelativePath;

use super::needed::Needed;
use crate::manifest::Manifest;

/// Paths below the data directory, of which none lies in another.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    pub(crate) clear: Vec<RelativePath>,
    pub(crate) clear_contents: Vec<RelativePath>,
    /// With the reasons.
    pub(crate) preserve: Vec<(RelativePath, String)>,
    pub(crate) secrets: Vec<(RelativePath, String)>,
    pub(crate) backups: Option<RelativePath>,
    /// All of them, each with the field that names it.
    named: Vec<(&'static str, RelativePath)>,
}

/// The field that is wrong, and how.
type Wrong = (&'static str, String);

impl Paths {
    /// Takes the paths of `manifest`.
    pub(super) fn of(manifest: &Manifest) -> Result<Self, Wrong> {
        let mut paths = Self::default();
        let named = &manifest.paths;
        for path in &named.clear {
            let path = paths.take("paths.clear", path)?;
            paths.clear.push(path);
        }
        for path in &named.clear_contents {
            let path = paths.take("paths.clear_contents", path)?;
            paths.clear_contents.push(path);
        }
        for (path, reason) in &named.preserve {
            let path = paths.take("paths.preserve", path)?;
            paths.preserve.push((path, reason.clone()));
        }
        for (path, reason) in &named.secrets {
            let path = paths.take("paths.secrets", path)?;
            paths.secrets.push((path, reason.clone()));
        }
        if let Some(path) = &manifest.backups {
            paths.backups = Some(paths.take("backups", &path.to_string_lossy())?);
        }
        Ok(paths)
    }

    fn take(&mut self, field: &'static str, path: &str) -> Result<RelativePath, Wrong> {
        super::check_nul(path).map_err(|error| (field, error))?;
        let path = RelativePath::new(path).map_err(|error| (field, error.to_string()))?;
        self.check(field, &path)?;
        self.named.push((field, path.clone()));
        Ok(path)
    }

    /// Makes sure that the path that `field` names lies in no other.
    fn check(&self, field: &'static str, path: &RelativePath) -> Result<(), Wrong> {
        let mut named = self.named.iter();
        match named.find(|(_, other)| is_within(path, other) || is_within(other, path)) {
            None => Ok(()),
            Some((other_field, other)) => Err((
                field,
                format!(
                    "`{path}` and `{other}` of `{other_field}` overlap: narrow or drop one of them"
                ),
            )),
        }
    }

    /// Preserves what the next reset needs.
    pub(super) fn keep(&mut self, needed: Needed) -> Result<(), Wrong> {
        let Needed {
            path,
            reason,
            is_certain,
        } = needed;
        let mut named = self.named.iter();
        match named.find(|(_, other)| is_within(&path, other)) {
            None => {
                self.named.push(("paths.preserve", path.clone()));
                self.preserve.push((path, reason.to_owned()));
                Ok(())
            }
            Some(("paths.preserve" | "paths.secrets", _)) => Ok(()),
            Some(_) if !is_certain => Ok(()),
            Some((field, other)) if *other == path => Err((
                field,
                format!("`{path}` {reason}, and has to stay: drop it"),
            )),
            Some((field, other)) => Err((
                field,
                format!(
                    "`{other}` holds `{path}`, which {reason}, and has to stay: narrow or drop it"
                ),
            )),
        }
    }

    /// Makes sure that what has to be a directory in `data_dir` is one, if it is there.
    pub(super) fn check_directories(&self, data_dir: &Path) -> Result<(), Wrong> {
        let kind = |path: &RelativePath| {
            let metadata = data_dir.join(path.as_str()).symlink_metadata();
            match metadata.ok()?.file_type() {
                kind if kind.is_dir() => None,
                kind => Some(called(kind)),
            }
        };
        for path in &self.clear_contents {
            if let Some(kind) = kind(path) {
                let text = format!("`{path}` is {kind}: name it in `paths.clear`");
                return Err(("paths.clear_contents", text));
            }
        }
        let is_file = |path: &&RelativePath| data_dir.join(path.as_str()).is_file();
        if let Some(path) = self.backups.as_ref().filter(is_file) {
            let text = format!("`{path}` is a file: name a directory, which need not be there yet");
            return Err(("backups", text));
        }
        Ok(())
    }

    /// Makes sure that none of `files`, in which the database lives, lies in a path.
    pub(super) fn check_files(&self, files: &[String]) -> Result<(), Wrong> {
        for file in files {
            let Ok(path) = RelativePath::new(file) else {
                continue;
            };
            if let Err((_, text)) = self.check("database.url", &path) {
                let text = format!("a file of the database: {text}");
                return Err(("database.url", text));
            }
        }
        Ok(())
    }
}

/// Whether `inner` is `outer`, or lies in it.
fn is_within(inner: &RelativePath, outer: &RelativePath) -> bool {
    let rest = inner.as_str().strip_prefix(outer.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is no directory, for a message.
fn called(kind: FileType) -> &'static str {
    match kind.is_symlink() {
        true => "a link",
        false => "a file",
    }
}
