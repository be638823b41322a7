use std::fmt;
use std::path::{Path, PathBuf};

use crate::printable::Printable;

/// What a command works on, as it is shown before anything is asked.
///
/// ```
/// use factory_reset::cli::Target;
/// let target = Target::new("tuitbot")
///     .data_dir("/var/lib/tuitbot")
///     .database("/var/lib/tuitbot/tuitbot.db");
/// # let _ = target;
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) service: String,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) database: Option<String>,
}

impl Target {
    /// A service called `service`. Its name is what has to be typed where the engine has no
    /// [confirmation phrase](crate::EngineBuilder::confirmation).
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            data_dir: None,
            database: None,
        }
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.data_dir = Some(path.as_ref().to_owned());
        self
    }

    /// Its database: a path, or an address without a password.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Its database, which is the file at `path`. Shown is where a link leads, with the link.
    #[must_use]
    pub fn database_file(self, path: impl AsRef<Path>) -> Self {
        let shown = resolved(path.as_ref());
        self.database(shown)
    }

    /// What is shown where the engine is in this process, with `data_dir` its data directory.
    pub(super) fn here(&self, data_dir: &Path) -> String {
        let data_dir = resolved(self.data_dir.as_deref().unwrap_or(data_dir));
        let mut lines = vec![("Data directory", data_dir.as_str())];
        if let Some(database) = &self.database {
            lines.push(("Database", database));
        }
        self.lines(&lines)
    }

    /// What is shown where the server at `url` is asked.
    pub(super) fn at(&self, url: &str) -> String {
        self.lines(&[("Server", url)])
    }

    fn lines(&self, lines: &[(&str, &str)]) -> String {
        let service = ("Service", self.service.as_str());
        let lines = std::iter::once(&service).chain(lines);
        lines
            .map(|(name, value)| format!("{name:<16}{}\n", Printable::new(value)))
            .collect()
    }
}

/// In lines: the service, its data directory and its database, without links.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data_dir = self.data_dir.as_deref().unwrap_or(Path::new("."));
        formatter.write_str(&self.here(data_dir))
    }
}

/// The place of `path` without links, with `path` itself where a link is on the way.
fn resolved(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.canonicalize() {
        Ok(resolved) if resolved != absolute => {
            format!("{} (link from {})", resolved.display(), absolute.display())
        }
        Ok(resolved) => resolved.display().to_string(),
        Err(_) => absolute.display().to_string(),
    }
}
