//! Everything in a SQLite database goes.

use std::path::Path;

use crate::amount::Amount;
use crate::arena::{PRESERVED, Rows};
use crate::contest::{Contest, Work};
use crate::contestants::{Host, Python, Shell, ancestor};
use crate::failure::Failure;

/// On the demo service, against everybody.
pub(crate) fn full_reset(
    directory: &Path,
    rows: Amount,
    python: &Python,
) -> Result<Contest, Failure> {
    let arena = Rows::demo(directory, rows)?;
    against_everybody("sqlite", "Full reset, SQLite", rows, arena, python)
}

/// The same on linked tables.
pub(crate) fn linked(directory: &Path, rows: Amount, python: &Python) -> Result<Contest, Failure> {
    let arena = Rows::linked(directory, rows)?;
    let title = "Full reset, SQLite, linked tables";
    against_everybody("linked", title, rows, arena, python)
}

fn against_everybody(
    id: &'static str,
    title: &'static str,
    size: Amount,
    arena: Rows,
    python: &Python,
) -> Result<Contest, Failure> {
    let tables = arena.cleared();
    let host = Host::new()?
        .database(arena.migrations())
        .preserving(PRESERVED);
    let contestants = vec![
        host.clone().reset(),
        host.reset_by_clearing(),
        ancestor(tables)?,
        Shell::new(tables).bare(),
        Shell::new(tables).whole(),
        python.sqlalchemy(tables),
        python.django(tables),
    ];
    Ok(Contest {
        id,
        title,
        size,
        unit: "rows",
        contestants,
        arena: Box::new(arena),
        work: Work::ClearWhileWritten,
    })
}

/// With `secure_delete` on both sides.
pub(crate) fn secure_delete(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let arena = Rows::demo(directory, rows)?;
    let host = Host::new()?
        .database(arena.migrations())
        .preserving(PRESERVED)
        .secure_delete();
    let script = Shell::new(arena.cleared()).secure_delete();
    Ok(Contest {
        id: "secure-delete",
        title: "Full reset, SQLite, `secure_delete` on for all",
        size: rows,
        unit: "rows",
        contestants: vec![
            host.clone().reset(),
            host.reset_by_clearing(),
            script.clone().bare(),
            script.whole(),
        ],
        arena: Box::new(arena),
        work: Work::Clear,
    })
}
