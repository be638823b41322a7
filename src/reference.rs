//! References that a selection would break.

use serde::{Deserialize, Serialize};

use crate::blocker::Blocker;
use crate::database::Reference;
use crate::item::ItemKind;

/// Rows of a table that stays which refer to rows that the selection would clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BrokenReference {
    /// The table whose rows refer.
    pub table: String,
    /// The table whose rows would go.
    pub parent: String,
    /// How many rows refer.
    pub rows: u64,
    /// Whether the selection could take the table along.
    pub is_selectable: bool,
}

impl BrokenReference {
    pub(crate) fn new(reference: Reference, is_selectable: bool) -> Self {
        Self {
            table: reference.table,
            parent: reference.parent,
            rows: reference.rows,
            is_selectable,
        }
    }

    /// The same for whoever looks at a preview.
    pub(crate) fn blocker(&self) -> Blocker {
        let Self { parent, rows, .. } = self;
        let remedy = if self.is_selectable {
            "select it as well, or cascade"
        } else {
            "it belongs to no step or is preserved, so leave that table out"
        };
        let reason =
            format!("stays, and {rows} rows of it refer to `{parent}`, which goes: {remedy}");
        Blocker::new(ItemKind::Table, &self.table, reason)
    }
}

/// How the API is told to take along what refers to selected tables.
pub(crate) const CASCADE: &str = "\"cascade\": true";

/// All of them in one line.
pub(crate) fn refusal(references: &[BrokenReference]) -> String {
    let mut of_steps = Vec::new();
    let mut of_nobody = Vec::new();
    for BrokenReference {
        table,
        parent,
        is_selectable,
        ..
    } in references
    {
        let text = format!("`{table}` refers to `{parent}`");
        if *is_selectable {
            of_steps.push(text);
        } else {
            of_nobody.push(text);
        }
    }
    let mut text = String::from("tables outside the selection refer to rows that would go: ");
    let (selectable, fixed) = (of_steps.join(", "), of_nobody.join(", "));
    if !of_steps.is_empty() {
        text.push_str(&selectable);
        let remedy = format!(" (select these tables as well, or set {CASCADE})");
        text.push_str(&remedy);
    }
    if !of_nobody.is_empty() {
        if !of_steps.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&fixed);
        text.push_str(" (these are preserved or belong to no step: leave out what they refer to)");
    }
    text
}
