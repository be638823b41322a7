//! A path below the data directory.

use std::fmt;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

/// The directory in the data directory that is the framework's own.
pub(crate) const OWN_DIRECTORY: &str = ".factory-reset";

/// Why a path cannot be claimed or preserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPath {
    /// It has no component.
    #[error("the path is empty: name a file or directory below the data directory")]
    Empty,
    /// It is absolute, or has a `..` or `.` in it.
    #[error("`{0}` is not a plain path below the data directory: write it relative, without `..`")]
    NotBelow(String),
    /// It is not Unicode.
    #[error("`{0}` is not Unicode: rename it")]
    NotUnicode(String),
    /// It contains a byte that no name of a file has.
    #[error("{0:?} contains a NUL byte, which no file has in its name: remove it")]
    Nul(String),
    /// It is where the framework keeps its journal.
    #[error("`{0}` belongs to the framework itself: choose another path")]
    Own(String),
}

/// A path below the data directory: relative, Unicode, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

impl RelativePath {
    /// Checks and takes `path`.
    ///
    /// # Errors
    ///
    /// When it is empty, absolute, not Unicode, has `.` or `..` in it, or lies in the
    /// framework's own directory.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, InvalidPath> {
        let path = path.as_ref();
        let Some(text) = path.to_str() else {
            return Err(InvalidPath::NotUnicode(path.display().to_string()));
        };
        let mut components = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => components.push(name.to_str().unwrap_or_default()),
                _ => return Err(InvalidPath::NotBelow(text.to_owned())),
            }
        }
        if text.contains('\0') {
            return Err(InvalidPath::Nul(text.to_owned()));
        }
        match components.first() {
            None => Err(InvalidPath::Empty),
            // Some file systems do not distinguish between upper and lower case.
            Some(name) if name.eq_ignore_ascii_case(OWN_DIRECTORY) => {
                Err(InvalidPath::Own(text.to_owned()))
            }
            Some(_) => Ok(Self(components.join("/"))),
        }
    }

    /// The path with `/` between its components.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its components; there is at least one.
    pub(crate) fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether this path is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = InvalidPath;

    fn try_from(path: String) -> Result<Self, InvalidPath> {
        Self::new(path)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_outside() {
        for path in [
            "",
            "/etc/passwd",
            "../up",
            "media/../../up",
            "./media",
            "media/..",
            "media\0",
            "media\0/../../up",
            "/",
            "//etc",
            ".",
            "..",
            ".factory-reset",
            ".factory-reset/lock",
            ".factory-reset//lock",
            ".Factory-RESET/lock",
        ] {
            assert!(RelativePath::new(path).is_err(), "{path}");
        }
    }

    #[test]
    fn components_are_kept_and_slashes_folded() {
        let path = RelativePath::new("media//2026/").unwrap();
        assert_eq!(path.as_str(), "media/2026");
    }

    #[test]
    fn a_common_prefix_of_names_is_not_a_common_directory() {
        let path = |text| RelativePath::new(text).unwrap();
        assert!(path("media/2026").is_within(&path("media")));
        assert!(path("media").is_within(&path("media")));
        assert!(!path("media-old").is_within(&path("media")));
    }
}
