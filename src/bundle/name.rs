//! The name of a backup.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a bundle's file ends in.
pub(super) const SUFFIX: &str = ".tar.zst";

/// What the file with a bundle's sum ends in. No bundle ends like this, so a sum is never in
/// the way of a bundle, whatever the names.
pub(super) const SUM_SUFFIX: &str = ".tar.zst.sha256";

const LONGEST: usize = 64;

/// Why something cannot be the name of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a backup: take 1 to {LONGEST} characters of `A-Z`, `a-z`, `0-9`, `.`, `_` \
     and `-`, and begin with none of `.` and `-`"
)]
pub struct InvalidName(String);

/// The name of a backup: `[A-Za-z0-9._-]{1,64}`. That of a new one begins with none of `.` and
/// `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleName(String);

impl BundleName {
    /// Checks and takes `name`.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or has another character in it.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_plain) {
            Ok(Self(name))
        } else {
            let shown = name.chars().take(2 * LONGEST).collect();
            Err(InvalidName(shown))
        }
    }

    /// Checks and takes `name` for a backup that is to be made. No URL leads to a backup called
    /// `.` or `..`, and a command takes one that begins with `-` for an option; such backups of
    /// earlier versions are still listed, restored and removed.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when it begins with `.` or `-`.
    pub fn for_new_backup(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = Self::new(name)?;
        if name.0.starts_with(['.', '-']) {
            return Err(InvalidName(name.0));
        }
        Ok(name)
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the bundle's file.
    pub(super) fn file(&self) -> String {
        format!("{self}{SUFFIX}")
    }

    /// The name of the file that holds the bundle's sum.
    pub(super) fn sum_file(&self) -> String {
        format!("{self}{SUM_SUFFIX}")
    }
}

impl fmt::Display for BundleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for BundleName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl TryFrom<String> for BundleName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl From<BundleName> for String {
    fn from(name: BundleName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_kept_and_told() {
        for name in ["a", "..", ".", "before-demo_2.0", &"x".repeat(64)] {
            assert_eq!(BundleName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "a/b", "a b", "ä", "a\0", "a\n", &"x".repeat(65)] {
            let error = BundleName::new(name).unwrap_err();
            assert!(error.to_string().contains("1 to 64 characters"), "{error}");
        }
    }

    #[test]
    fn a_new_backup_has_a_name_that_every_client_can_address() {
        for name in ["a", "_a", "0", "a.", "a-", "a..b", &"x".repeat(64)] {
            assert!(BundleName::for_new_backup(name).is_ok(), "{name}");
        }
        for name in [".", "..", "...", ".a", "-", "-a", "--delete", "", "a/b"] {
            let error = BundleName::for_new_backup(name).unwrap_err();
            assert!(error.to_string().contains("begin with none of"), "{error}");
        }
    }

    #[test]
    fn the_files_of_two_names_are_never_the_same() {
        let names = ["x", "x.tar.zst", "x.tar.zst.sha256", "..", "."];
        let names = names.map(|name| BundleName::new(name).unwrap());
        let mut files: Vec<_> = names
            .iter()
            .flat_map(|name| [name.file(), name.sum_file()])
            .collect();
        let all = files.len();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), all);
    }
}
