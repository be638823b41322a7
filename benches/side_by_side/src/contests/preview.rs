//! What would go is counted.

use std::path::Path;

use crate::amount::Amount;
use crate::arena::{MIGRATIONS, PRESERVED, Rows};
use crate::contest::{Contest, Work};
use crate::contestants::{Host, counts};
use crate::failure::Failure;

/// Against the counts alone.
pub(crate) fn preview(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let arena = Rows::make(directory, Path::new(MIGRATIONS), rows)?;
    let host = Host::new()?.database(MIGRATIONS).preserving(PRESERVED);
    Ok(Contest {
        id: "preview",
        title: "Preview of 30 tables, SQLite",
        size: rows,
        unit: "rows",
        contestants: vec![host.next_preview(), counts(arena.cleared())?],
        arena: Box::new(arena),
        work: Work::Look,
    })
}
