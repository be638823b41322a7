//! The paths that the manifest names.

use factory_reset::RelativePath;

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
        let path = RelativePath::new(path).map_err(|error| (field, error.to_string()))?;
        self.check(field, &path)?;
        self.named.push((field, path.clone()));
        Ok(path)
    }

    /// Makes sure that the path that `field` names lies in no other.
    fn check(&self, field: &'static str, path: &RelativePath) -> Result<(), Wrong> {
        let overlaps = |other: &RelativePath| {
            let (one, other) = (path.as_str(), other.as_str());
            let within = |inner: &str, outer: &str| {
                let rest = inner.strip_prefix(outer);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            within(one, other) || within(other, one)
        };
        let mut named = self.named.iter();
        match named.find(|(_, other)| overlaps(other)) {
            None => Ok(()),
            Some((other_field, other)) => Err((
                field,
                format!(
                    "`{path}` and `{other}` of `{other_field}` overlap: narrow or drop one of them"
                ),
            )),
        }
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
