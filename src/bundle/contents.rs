//! Whether a bundle holds what its manifest names: all of it, and nothing else.

use std::collections::HashMap;

use super::fault::{BundleFault, shown};
use super::head::{Head, Kind};
use super::layout::{self, PART};
use super::manifest::{Manifest, SavedPath, SavedStep};
use crate::relative_path::RelativePath;

/// What has to come, and how much of it has.
pub(super) struct Contents {
    sections: HashMap<Vec<u8>, Section>,
    entries: Count,
    bytes: Count,
}

enum Section {
    /// A content in parts.
    Parts {
        next: u64,
        /// A part that is not full is the last one.
        is_over: bool,
    },
    /// A claimed path.
    Tree {
        there: bool,
        files: Count,
        bytes: Count,
    },
}

struct Count {
    what: &'static str,
    expected: u64,
    found: u64,
}

impl Contents {
    /// What `manifest` names, if that makes sense.
    pub(super) fn new(manifest: &Manifest) -> Result<Self, BundleFault> {
        let mut sections = HashMap::new();
        let mut steps = HashMap::new();
        for step in &manifest.contents {
            if !is_step_id(&step.id) || steps.insert(&step.id, ()).is_some() {
                return Err(BundleFault::Named(step.id.clone()));
            }
            let paths: Vec<_> = step.paths.iter().collect();
            check_tables(step)?;
            check_paths(&paths)?;
            let trees = step.paths.iter().filter(|path| path.there);
            let trees = trees.map(|path| {
                let section = Section::Tree {
                    there: false,
                    files: Count::new("files in a path", path.files),
                    bytes: Count::new("bytes in a path", path.bytes),
                };
                (layout::claimed_path(&step.id, &path.name), section)
            });
            let tables = step.tables.iter().map(|table| table.path.clone());
            let entries = step.entries.iter();
            let entries = entries.map(|entry| layout::entry_path(&step.id, entry));
            let parts = tables.chain(entries).map(|path| {
                let (next, is_over) = (0, false);
                (path, Section::Parts { next, is_over })
            });
            for (path, section) in trees.chain(parts) {
                if sections
                    .insert(path.clone().into_bytes(), section)
                    .is_some()
                {
                    return Err(BundleFault::Named(path));
                }
            }
        }
        Ok(Self {
            sections,
            entries: Count::new("entries", manifest.entries),
            bytes: Count::new("bytes", manifest.bytes),
        })
    }

    /// Takes the next entry, if it may come now. Returns how many of its components lie above
    /// what was saved, and so have no entries of their own.
    pub(super) fn admit(&mut self, head: &Head) -> Result<usize, BundleFault> {
        let refuse = |reason| BundleFault::entry(&head.path, reason);
        self.entries.add(1)?;
        self.bytes.add(head.size)?;
        let path = &head.path;
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends = ends.map(|(end, _)| end).chain([path.len()]);
        let found = ends
            .enumerate()
            .find(|&(_, end)| self.sections.contains_key(&path[..end]));
        let Some((above, end)) = found else {
            return Err(refuse("is not named by the manifest"));
        };
        let rest = path.get(end + 1..).unwrap_or_default();
        match self.sections.get_mut(&path[..end]) {
            Some(Section::Parts { next, is_over }) => {
                if *is_over || head.kind != Kind::File || rest != layout::part(*next).as_bytes() {
                    return Err(refuse("is not the part that has to come next"));
                }
                if head.size > PART as u64 || (head.size == 0 && *next > 0) {
                    return Err(refuse("is a part of a wrong length"));
                }
                *next += 1;
                *is_over = head.size < PART as u64;
                Ok(above + 1)
            }
            Some(Section::Tree {
                there,
                files,
                bytes,
            }) => {
                *there = true;
                if head.kind == Kind::File {
                    files.add(1)?;
                    bytes.add(head.size)?;
                }
                Ok(above)
            }
            None => Err(refuse("is not named by the manifest")),
        }
    }

    /// Whether all has come.
    pub(super) fn finish(&self) -> Result<(), BundleFault> {
        for (path, section) in &self.sections {
            match section {
                Section::Parts { next: 1.., .. } => {}
                Section::Tree {
                    there: true,
                    files,
                    bytes,
                } => files.finish().and_then(|()| bytes.finish())?,
                _ => return Err(BundleFault::Missing(shown(path))),
            }
        }
        self.entries.finish().and_then(|()| self.bytes.finish())
    }
}

impl Count {
    fn new(what: &'static str, expected: u64) -> Self {
        Self {
            what,
            expected,
            found: 0,
        }
    }

    fn add(&mut self, more: u64) -> Result<(), BundleFault> {
        self.found = self.found.saturating_add(more);
        if self.found > self.expected {
            return Err(self.fault());
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), BundleFault> {
        if self.found == self.expected {
            Ok(())
        } else {
            Err(self.fault())
        }
    }

    fn fault(&self) -> BundleFault {
        BundleFault::Count {
            what: self.what,
            expected: self.expected,
            found: self.found,
        }
    }
}

fn is_step_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&id.len()) && id.bytes().all(is_plain)
}

fn check_tables(step: &SavedStep) -> Result<(), BundleFault> {
    let wrong = step
        .tables
        .iter()
        .find(|table| table.path != layout::table_path(&step.id, &table.name));
    wrong.map_or(Ok(()), |table| Err(BundleFault::Named(table.path.clone())))
}

/// Paths are as they can be claimed, and none lies in another.
fn check_paths(paths: &[&SavedPath]) -> Result<(), BundleFault> {
    let mut sorted = Vec::new();
    for path in paths {
        match RelativePath::new(&path.name) {
            Ok(relative) if relative.as_str() == path.name => {
                // Sorted by components, what lies in a path comes right after it.
                sorted.push(relative.as_str().replace('/', "\0"));
            }
            _ => return Err(BundleFault::Named(path.name.clone())),
        }
    }
    sorted.sort();
    for pair in sorted.windows(2) {
        let rest = pair[1].strip_prefix(pair[0].as_str());
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\0')) {
            return Err(BundleFault::Named(pair[1].replace('\0', "/")));
        }
    }
    Ok(())
}
