//! How much memory a host takes beyond what it takes when it is idle.

use std::path::Path;

use super::selection::Selected;
use crate::amount::Amount;
use crate::arena::{Arena, Files, MIGRATIONS, PRESERVED, Rows, Together};
use crate::contest::{Contest, Work};
use crate::contestants::Host;
use crate::failure::Failure;

/// Looking at everything.
pub(crate) fn memory_of_preview(
    directory: &Path,
    rows: Amount,
    files: Amount,
) -> Result<Contest, Failure> {
    let arena = together(directory, rows, files)?;
    let title = "Memory of a preview of rows and files";
    Ok(contest(
        "memory-preview",
        title,
        rows,
        host()?.preview(),
        Box::new(arena),
        Work::Look,
    ))
}

/// Resetting everything.
pub(crate) fn memory_of_reset(
    directory: &Path,
    rows: Amount,
    files: Amount,
) -> Result<Contest, Failure> {
    let arena = together(directory, rows, files)?;
    let title = "Memory of a full reset of rows and files";
    Ok(contest(
        "memory-reset",
        title,
        rows,
        host()?.reset(),
        Box::new(arena),
        Work::Clear,
    ))
}

/// Resetting some tables.
pub(crate) fn memory_of_selection(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let Selected { rows: arena, host } = Selected::make(directory, rows)?;
    let title = "Memory of a reset of 5 tables";
    Ok(contest(
        "memory-selection",
        title,
        rows,
        host.reset(),
        Box::new(arena),
        Work::Clear,
    ))
}

fn host() -> Result<Host, Failure> {
    Ok(Host::new()?
        .database(MIGRATIONS)
        .preserving(PRESERVED)
        .media())
}

fn together(directory: &Path, rows: Amount, files: Amount) -> Result<Together, Failure> {
    Ok(Together {
        rows: Rows::demo(directory, rows)?,
        files: Files::new(directory, files),
    })
}

fn contest(
    id: &'static str,
    title: &'static str,
    size: Amount,
    contestant: crate::contestants::Contestant,
    arena: Box<dyn Arena>,
    work: Work,
) -> Contest {
    Contest {
        id,
        title,
        size,
        unit: "rows",
        arena,
        contestants: vec![contestant],
        work,
    }
}
