//! Functions for the `cleared` summary: a step names them in its descriptor, and plan
//! and report compute the same keys by them from the step's items.

use serde_json::Value;

use crate::item::{Item, ItemKind, Outcome};

/// Computes one value of the `cleared` summary from a step's items.
pub type Summary = fn(&[Item]) -> Value;

fn removed(items: &[Item]) -> impl Iterator<Item = &Item> {
    items.iter().filter(|item| item.outcome == Outcome::Removed)
}

/// How many items were removed: tables, runtimes. A table that held no row counts.
#[must_use]
pub fn items(items: &[Item]) -> Value {
    removed(items).count().into()
}

/// The sum of the counts: rows, files, entries.
#[must_use]
pub fn count(items: &[Item]) -> Value {
    removed(items).map(|item| item.count).sum::<u64>().into()
}

/// Whether any path was there and is gone.
#[must_use]
pub fn any_path(items: &[Item]) -> Value {
    removed(items)
        .any(|item| item.kind == ItemKind::Path)
        .into()
}
