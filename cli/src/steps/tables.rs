//! The step `tables`.

use factory_reset::{
    Claims, Phase, ResetStep, Resources, StepDescriptor, StepRegistration, summary,
};

/// The tables to clear, as the database spells them.
#[derive(Debug)]
pub(crate) struct ClaimedTables(pub(crate) Vec<String>);

const TABLES: StepDescriptor = StepDescriptor::new("tables", Phase::Erase)
    .label("Database tables")
    .description("All rows of these tables; the rows that a fresh install has come back.")
    .requires::<ClaimedTables>()
    .cleared(&[
        ("tables_cleared", summary::items),
        ("rows_deleted", summary::count),
    ]);

struct Tables;

impl ResetStep for Tables {
    fn claims(&self, resources: &Resources) -> Claims {
        let tables = resources.get().map(|ClaimedTables(tables)| tables);
        let tables = tables.into_iter().flatten();
        tables.fold(Claims::none(), Claims::table)
    }
}

/// The step.
pub(crate) fn tables() -> StepRegistration {
    StepRegistration::new(TABLES, &Tables)
}
