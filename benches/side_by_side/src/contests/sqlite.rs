//! Everything in a SQLite database goes.

use std::path::Path;

use crate::amount::Amount;
use crate::arena::{MIGRATIONS, PRESERVED, Rows};
use crate::contest::{Contest, Work};
use crate::contestants::{Host, Python, Shell, ancestor};
use crate::failure::Failure;

/// Against everybody.
pub(crate) fn full_reset(
    directory: &Path,
    rows: Amount,
    python: &Python,
) -> Result<Contest, Failure> {
    let arena = Rows::make(directory, Path::new(MIGRATIONS), rows)?;
    let tables = arena.cleared();
    let host = Host::new()?.database(MIGRATIONS).preserving(PRESERVED);
    let contestants = vec![
        host.clone().reset(),
        host.reset_by_clearing(),
        ancestor()?,
        Shell::new(tables).bare(),
        Shell::new(tables).whole(),
        python.sqlalchemy(tables),
        python.django(tables),
    ];
    Ok(Contest {
        id: "sqlite",
        title: "Full reset, SQLite",
        size: rows,
        unit: "rows",
        contestants,
        arena: Box::new(arena),
        work: Work::ClearWhileWritten,
    })
}

/// With `secure_delete` on both sides.
pub(crate) fn secure_delete(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let arena = Rows::make(directory, Path::new(MIGRATIONS), rows)?;
    let host = Host::new()?
        .database(MIGRATIONS)
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
