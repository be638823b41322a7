//! The step `tables`.

use factory_reset::{
    Claims, Phase, ResetStep, Resources, StepDescriptor, StepRegistration, inventory, summary,
};

const TABLES: StepDescriptor = StepDescriptor::new("tables", Phase::Erase)
    .label("Database tables")
    .description("All rows of all tables; the rows that a fresh install has come back.")
    .cleared(&[
        ("tables_cleared", summary::items),
        ("rows_deleted", summary::count),
    ]);

struct Tables;

impl ResetStep for Tables {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().migrated_tables()
    }
}

inventory::submit! { StepRegistration::new(TABLES, &Tables) }
