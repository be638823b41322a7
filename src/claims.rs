//! What each step says is its own, what the host preserves, and what is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::descriptor::{Category, StepId};
use crate::item::ItemKind;
use crate::relative_path::{InvalidPath, RelativePath};
use crate::selection::Parts;

/// The tables and paths that a step says are its own to clear.
///
/// ```
/// use factory_reset::Claims;
/// let claims = Claims::none().path("thumbnails").table("thumbnail_jobs");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Claims {
    paths: Vec<PathBuf>,
    contents: Vec<PathBuf>,
    keys: BTreeSet<String>,
    tables: BTreeSet<String>,
    migrated_tables: bool,
    ephemeral_paths: Vec<PathBuf>,
    ephemeral_tables: BTreeSet<String>,
}

impl Claims {
    /// Claims nothing: for steps whose state is not in the database or the data directory.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Claims a file or a directory with all that is in it, given relative to the data
    /// directory.
    #[must_use]
    pub fn path(mut self, path: impl AsRef<Path>) -> Self {
        self.paths.push(path.as_ref().to_owned());
        self
    }

    /// Claims everything that is in a directory, given relative to the data directory. The
    /// directory itself stays, empty.
    #[must_use]
    pub fn contents(mut self, directory: impl AsRef<Path>) -> Self {
        self.contents.push(directory.as_ref().to_owned());
        self
    }

    /// Claims the keys of a cache that begin with `prefix`.
    #[must_use]
    pub fn keys(mut self, prefix: impl Into<String>) -> Self {
        self.keys.insert(prefix.into());
        self
    }

    /// Claims one table by name.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.tables.insert(name.into());
        self
    }

    /// Claims one table whose rows must not be restored: sessions, one-time tokens. A reset clears
    /// it like any other table. A backup omits its rows, and every restore returns it to its
    /// factory state, so that a session that has ended stays ended. No other table may keep rows
    /// that refer to it.
    #[must_use]
    pub fn ephemeral_table(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.ephemeral_tables.insert(name.clone());
        self.table(name)
    }

    /// Claims a file or directory that must not be restored, given relative to the data directory:
    /// a signing key, a one-time token. A backup omits it, and every restore removes it like a
    /// reset does; the step's [`forget`](crate::ResetStep::forget) makes a new one where the
    /// service needs one.
    #[must_use]
    pub fn ephemeral_path(mut self, path: impl AsRef<Path>) -> Self {
        self.ephemeral_paths.push(path.as_ref().to_owned());
        self.path(path)
    }

    /// The same claims with the names of tables as the database spells them.
    pub(crate) fn spelled(mut self, spell: impl Fn(String) -> String) -> Self {
        self.tables = self.tables.into_iter().map(&spell).collect();
        self.ephemeral_tables = self.ephemeral_tables.into_iter().map(spell).collect();
        self
    }

    /// Whether what is claimed can only be cleared in the Erase phase.
    pub(crate) fn are_durable(&self) -> bool {
        self.has_paths() || self.has_tables()
    }

    fn has_paths(&self) -> bool {
        !self.paths.is_empty() || !self.contents.is_empty()
    }

    /// What kind of state is claimed.
    pub(crate) fn category(&self) -> Option<Category> {
        if self.has_tables() {
            Some(Category::Database)
        } else if self.has_paths() {
            Some(Category::Files)
        } else if !self.keys.is_empty() {
            Some(Category::Cache)
        } else {
            None
        }
    }

    /// Whether any table is claimed.
    pub(crate) fn has_tables(&self) -> bool {
        self.migrated_tables || !self.tables.is_empty()
    }

    /// Claims every table that the host's migrations create, but those that are preserved
    /// or that another step claims by name. A table that a later migration adds is claimed
    /// without any change here.
    #[must_use]
    pub fn migrated_tables(mut self) -> Self {
        self.migrated_tables = true;
        self
    }
}

/// What the host says a reset must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Preserved {
    /// A table or a path.
    pub kind: ItemKind,
    /// Which one.
    pub name: String,
    /// Why it is kept.
    pub reason: String,
}

/// What is in the database or the data directory and is neither claimed nor preserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unclaimed {
    /// A table or a path; or a trigger, view or index that a fresh install does not have.
    pub kind: ItemKind,
    /// Which one.
    pub name: String,
    /// Why it is listed, where its kind and name do not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Unclaimed {
    /// Something that is neither claimed nor preserved.
    #[must_use]
    pub fn new(kind: ItemKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            reason: None,
        }
    }

    /// Its name in a sentence.
    pub(crate) fn told(&self) -> String {
        match &self.reason {
            Some(reason) => format!("`{}` ({reason})", self.name),
            None => format!("`{}`", self.name),
        }
    }

    /// The same, with the reason for which it is listed.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// Why the claims of a host's steps do not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// A step claims, or the host preserves, what is not a path below the data directory.
    #[error("{who} names a path that cannot be used")]
    Path {
        /// Who names it.
        who: String,
        /// What is wrong with it.
        source: InvalidPath,
    },
    /// Two paths overlap.
    #[error(
        "`{inner}` ({inner_owner}) lies within `{outer}` ({outer_owner}): \
         each path needs one owner, so narrow or drop one of them"
    )]
    Overlap {
        /// The path inside.
        inner: RelativePath,
        /// Who names it.
        inner_owner: String,
        /// The path around it, or the same.
        outer: RelativePath,
        /// Who names that.
        outer_owner: String,
    },
    /// A table is claimed twice, or claimed and preserved.
    #[error("table `{table}` has two owners, {first} and {second}: drop one of them")]
    Table {
        /// The table.
        table: String,
        /// One owner.
        first: String,
        /// The other.
        second: String,
    },
    /// Two steps claim the same keys.
    #[error(
        "the keys `{inner}…` of {inner_owner} lie within `{outer}…` of {outer_owner}: drop one"
    )]
    Keys {
        /// The longer prefix.
        inner: String,
        /// Who names it.
        inner_owner: String,
        /// The shorter one, or the same.
        outer: String,
        /// Who names that.
        outer_owner: String,
    },
    /// A step claims every key of a cache server.
    #[error("{0} claims keys without a prefix: name one, for others may use the same cache")]
    AllKeys(String),
    /// Two steps claim all migrated tables.
    #[error("{0} and {1} both claim the migrated tables: leave one of them out with `.without(…)`")]
    MigratedTables(String, String),
}

/// Who owns a path or a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Step(StepId),
    Host,
    Database,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step(id) => write!(formatter, "step `{id}`"),
            Self::Host => formatter.write_str("preserved by the host"),
            Self::Database => formatter.write_str("a file of the database"),
        }
    }
}

/// Every claim and everything preserved, checked to fit together.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    paths: BTreeMap<RelativePath, Owner>,
    /// Which of the paths are directories that stay when they are cleared.
    contents: BTreeSet<RelativePath>,
    tables: BTreeMap<String, Owner>,
    keys: BTreeMap<String, StepId>,
    migrated_tables: Option<StepId>,
    preserved: Vec<Preserved>,
    /// What kind of state each step clears.
    categories: BTreeMap<StepId, Category>,
    ephemeral_paths: BTreeSet<RelativePath>,
    ephemeral_tables: BTreeSet<String>,
}

impl Ownership {
    /// Takes the claims of one step.
    pub(crate) fn claim(&mut self, step: StepId, claims: &Claims) -> Result<(), ClaimError> {
        let owner = Owner::Step(step);
        for path in &claims.paths {
            let owned = self.own_path(owner, path)?;
            if claims.ephemeral_paths.contains(path) {
                self.ephemeral_paths.insert(owned);
            }
        }
        for path in &claims.contents {
            let path = self.own_path(owner, path)?;
            self.contents.insert(path);
        }
        for prefix in &claims.keys {
            self.own_keys(step, prefix)?;
        }
        for table in &claims.tables {
            self.own_table(owner, table)?;
        }
        let ephemeral = claims.ephemeral_tables.iter();
        self.ephemeral_tables.extend(ephemeral.cloned());
        if claims.migrated_tables
            && let Some(other) = self.migrated_tables.replace(step)
        {
            return Err(ClaimError::MigratedTables(
                Owner::Step(other).to_string(),
                owner.to_string(),
            ));
        }
        Ok(())
    }

    /// Takes a path that the host preserves.
    pub(crate) fn preserve_path(&mut self, path: &Path, reason: String) -> Result<(), ClaimError> {
        let path = self.own_path(Owner::Host, path)?;
        self.add_preserved(ItemKind::Path, path.into(), reason);
        Ok(())
    }

    /// Takes a table that the host preserves.
    pub(crate) fn preserve_table(
        &mut self,
        table: String,
        reason: String,
    ) -> Result<(), ClaimError> {
        self.own_table(Owner::Host, &table)?;
        self.add_preserved(ItemKind::Table, table, reason);
        Ok(())
    }

    /// Takes a file in which the database lives.
    pub(crate) fn database_file(&mut self, path: &Path) -> Result<(), ClaimError> {
        self.own_path(Owner::Database, path)?;
        Ok(())
    }

    fn add_preserved(&mut self, kind: ItemKind, name: String, reason: String) {
        self.preserved.push(Preserved { kind, name, reason });
    }

    fn own_path(&mut self, owner: Owner, path: &Path) -> Result<RelativePath, ClaimError> {
        let path = RelativePath::new(path).map_err(|source| ClaimError::Path {
            who: owner.to_string(),
            source,
        })?;
        for (other, other_owner) in &self.paths {
            let (inner, outer) = if path.is_within(other) {
                ((&path, owner), (other, *other_owner))
            } else if other.is_within(&path) {
                ((other, *other_owner), (&path, owner))
            } else {
                continue;
            };
            return Err(ClaimError::Overlap {
                inner: inner.0.clone(),
                inner_owner: inner.1.to_string(),
                outer: outer.0.clone(),
                outer_owner: outer.1.to_string(),
            });
        }
        self.paths.insert(path.clone(), owner);
        Ok(path)
    }

    fn own_keys(&mut self, step: StepId, prefix: &str) -> Result<(), ClaimError> {
        let owner = |step: StepId| Owner::Step(step).to_string();
        if prefix.is_empty() {
            return Err(ClaimError::AllKeys(owner(step)));
        }
        for (other, other_step) in &self.keys {
            let (inner, outer) = if prefix.starts_with(other.as_str()) {
                ((prefix, step), (other.as_str(), *other_step))
            } else if other.starts_with(prefix) {
                ((other.as_str(), *other_step), (prefix, step))
            } else {
                continue;
            };
            return Err(ClaimError::Keys {
                inner: inner.0.to_owned(),
                inner_owner: owner(inner.1),
                outer: outer.0.to_owned(),
                outer_owner: owner(outer.1),
            });
        }
        self.keys.insert(prefix.to_owned(), step);
        Ok(())
    }

    fn own_table(&mut self, owner: Owner, table: &str) -> Result<(), ClaimError> {
        match self.tables.insert(table.to_owned(), owner) {
            None => Ok(()),
            Some(other) => Err(ClaimError::Table {
                table: table.to_owned(),
                first: other.to_string(),
                second: owner.to_string(),
            }),
        }
    }

    /// Declares that a path must not be restored. Returns whether a step claims exactly this path.
    pub(crate) fn make_path_ephemeral(&mut self, path: &Path) -> bool {
        let Ok(path) = RelativePath::new(path) else {
            return false;
        };
        let is_claimed = matches!(self.paths.get(&path), Some(Owner::Step(_)));
        if is_claimed {
            self.ephemeral_paths.insert(path);
        }
        is_claimed
    }

    /// Declares that the rows of a table must not be restored. Returns whether a step claims it,
    /// when the migrations create `migrated`.
    pub(crate) fn make_table_ephemeral(
        &mut self,
        table: &str,
        migrated: &BTreeSet<String>,
    ) -> bool {
        let is_claimed = match self.tables.get(table) {
            Some(owner) => matches!(owner, Owner::Step(_)),
            None => self.migrated_tables.is_some() && migrated.contains(table),
        };
        if is_claimed {
            self.ephemeral_tables.insert(table.to_owned());
        }
        is_claimed
    }

    /// Whether the table or path `name` must not be restored.
    pub(crate) fn is_ephemeral(&self, kind: ItemKind, name: &str) -> bool {
        match kind {
            ItemKind::Table => self.ephemeral_tables.contains(name),
            ItemKind::Path => self
                .ephemeral_paths
                .iter()
                .any(|path| path.as_str() == name),
            _ => false,
        }
    }

    /// `parts` divided into those that backups hold, and those that are ephemeral.
    #[cfg(feature = "backup")]
    pub(crate) fn divide(&self, parts: Parts) -> (Parts, Parts) {
        let is_ephemeral_table = |table: &String| self.is_ephemeral(ItemKind::Table, table);
        let is_ephemeral_path =
            |path: &RelativePath| self.is_ephemeral(ItemKind::Path, path.as_str());
        let (lost_tables, tables) = parts.tables.into_iter().partition(is_ephemeral_table);
        let (lost_paths, paths) = parts.paths.into_iter().partition(is_ephemeral_path);
        let kept = Parts {
            tables,
            paths,
            keys: parts.keys,
        };
        let ephemeral = Parts {
            tables: lost_tables,
            paths: lost_paths,
            keys: Vec::new(),
        };
        (kept, ephemeral)
    }

    /// The ephemeral tables.
    #[cfg(feature = "backup")]
    pub(crate) fn ephemeral_tables(&self) -> Vec<String> {
        self.ephemeral_tables.iter().cloned().collect()
    }

    /// What the host preserves.
    pub(crate) fn preserved(&self) -> &[Preserved] {
        &self.preserved
    }

    /// Says what kind of state `step` clears.
    pub(crate) fn categorise(&mut self, step: StepId, category: Category) {
        self.categories.insert(step, category);
    }

    /// What kind of state `step` clears.
    pub(crate) fn category_of(&self, step: StepId) -> Option<Category> {
        self.categories.get(&step).copied()
    }

    /// Whether `path` is a directory that stays when it is cleared.
    pub(crate) fn stays(&self, path: &RelativePath) -> bool {
        self.contents.contains(path)
    }

    /// What of `step` can be selected by itself, when the migrations create `migrated`.
    pub(crate) fn parts_of(&self, step: StepId, migrated: &BTreeSet<String>) -> Parts {
        Parts {
            tables: self.tables_of(step, migrated),
            paths: self.paths_of(step),
            keys: self.keys_of(step),
        }
    }

    /// The key prefixes of `step`.
    fn keys_of(&self, step: StepId) -> Vec<String> {
        let owned = self.keys.iter().filter(|(_, owner)| **owner == step);
        owned.map(|(prefix, _)| prefix.clone()).collect()
    }

    /// The paths of `step`.
    fn paths_of(&self, step: StepId) -> Vec<RelativePath> {
        let owner = Owner::Step(step);
        let owned = self.paths.iter().filter(|(_, other)| **other == owner);
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// The tables of `step`, when the migrations create `migrated`.
    fn tables_of(&self, step: StepId, migrated: &BTreeSet<String>) -> Vec<String> {
        let owner = Owner::Step(step);
        let named = self.tables.iter().filter(|(_, other)| **other == owner);
        let mut tables: BTreeSet<String> = named.map(|(table, _)| table.clone()).collect();
        if self.migrated_tables == Some(step) {
            let free = migrated
                .iter()
                .filter(|name| !self.tables.contains_key(*name));
            tables.extend(free.cloned());
        }
        tables.into_iter().collect()
    }

    /// Which of the tables in `existing` nobody owns.
    pub(crate) fn unclaimed_tables(
        &self,
        existing: &BTreeSet<String>,
        migrated: &BTreeSet<String>,
    ) -> Vec<Unclaimed> {
        let owned = |name: &String| {
            self.tables.contains_key(name)
                || (self.migrated_tables.is_some() && migrated.contains(name))
        };
        let free = existing.iter().filter(|name| !owned(name));
        free.map(|name| Unclaimed::new(ItemKind::Table, name))
            .collect()
    }

    /// Whether `path` has an owner.
    pub(crate) fn owns(&self, path: &RelativePath) -> bool {
        self.paths.contains_key(path)
    }

    /// Whether something below `path` has an owner.
    pub(crate) fn owns_within(&self, path: &RelativePath) -> bool {
        self.paths.keys().any(|owned| owned.is_within(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: StepId = StepId::new("files");
    const OTHER: StepId = StepId::new("other");

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn overlapping_paths_name_both_owners() {
        let mut ownership = Ownership::default();
        ownership
            .claim(FILES, &Claims::none().path("media"))
            .unwrap();
        let error = ownership
            .preserve_path(Path::new("media/keep"), "why".into())
            .unwrap_err();
        assert!(
            error.to_string().contains(
                "`media/keep` (preserved by the host) lies within `media` (step `files`)"
            )
        );
    }

    #[test]
    fn a_table_has_one_owner() {
        let mut ownership = Ownership::default();
        ownership
            .preserve_table("users".into(), "why".into())
            .unwrap();
        assert!(
            ownership
                .claim(FILES, &Claims::none().table("users"))
                .is_err()
        );
    }

    #[test]
    fn migrated_tables_are_those_that_nobody_else_owns() {
        let mut ownership = Ownership::default();
        ownership
            .claim(FILES, &Claims::none().migrated_tables())
            .unwrap();
        ownership
            .claim(OTHER, &Claims::none().table("jobs"))
            .unwrap();
        ownership
            .preserve_table("licences".into(), "paid for".into())
            .unwrap();
        let migrated = set(&["jobs", "licences", "posts"]);
        assert_eq!(ownership.tables_of(FILES, &migrated), ["posts"]);
        assert_eq!(ownership.tables_of(OTHER, &migrated), ["jobs"]);
        let unclaimed =
            ownership.unclaimed_tables(&set(&["posts", "by_hand", "licences"]), &migrated);
        assert_eq!(unclaimed.len(), 1);
        assert_eq!(unclaimed[0].name, "by_hand");
    }
}
