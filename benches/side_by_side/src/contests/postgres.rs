//! Everything in a PostgreSQL database goes.

use std::rc::Rc;

use crate::amount::Amount;
use crate::arena::{Server, Tables};
use crate::contest::{Contest, Work};
use crate::contestants::{Host, Psql};
use crate::failure::Failure;

/// How many rows there are in all where others begin: 10 and 1000 in each table.
pub(crate) const SIZES: [Amount; 2] = [Amount(300), Amount(30_000)];

/// Against psql.
pub(crate) fn postgres(server: &Rc<Server>, rows: Amount) -> Result<Contest, Failure> {
    let script = Psql::new(Tables::names());
    let contestants = vec![
        Host::new()?.database(server.migrations()).reset(),
        script.clone().delete(),
        script.clone().delete_and_vacuum(),
        script.clone().truncate(),
        script.count_and_truncate(),
    ];
    Ok(Contest {
        id: "postgres",
        title: "Full reset, PostgreSQL",
        size: rows,
        unit: "rows",
        contestants,
        arena: Box::new(Tables::make(server, rows)?),
        work: Work::Clear,
    })
}
