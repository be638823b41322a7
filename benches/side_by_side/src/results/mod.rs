//! What is shown of all that was measured.

mod goal;
mod goals;
mod growth;
mod machine;
mod page;
mod plot;
mod table;

pub(crate) use machine::Machine;
pub(crate) use page::page;
pub(crate) use plot::plot;
