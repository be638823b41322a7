//! What would go is counted.

use std::path::Path;

use crate::amount::Amount;
use crate::arena::{PRESERVED, Rows};
use crate::contest::{Contest, Work};
use crate::contestants::{Host, counts};
use crate::failure::Failure;

/// On the demo service, against the counts alone.
pub(crate) fn preview(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let arena = Rows::demo(directory, rows)?;
    contest("preview", "Preview of 30 tables, SQLite", rows, arena)
}

/// The same on linked tables.
pub(crate) fn linked_preview(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let arena = Rows::linked(directory, rows)?;
    let title = "Preview of 31 tables, SQLite, linked tables";
    contest("linked-preview", title, rows, arena)
}

fn contest(
    id: &'static str,
    title: &'static str,
    size: Amount,
    arena: Rows,
) -> Result<Contest, Failure> {
    let host = Host::new()?.database(arena.migrations());
    let ours = host.preserving(PRESERVED).next_preview();
    Ok(Contest {
        id,
        title,
        size,
        unit: "rows",
        contestants: vec![ours, counts(arena.cleared())?],
        arena: Box::new(arena),
        work: Work::Look,
    })
}
