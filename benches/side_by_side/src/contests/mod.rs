//! The contests.

mod files;
mod memory;
mod postgres;
mod preview;
mod selection;
mod sqlite;

pub(crate) use files::{gate, removal, survey};
pub(crate) use memory::{memory_of_preview, memory_of_reset, memory_of_selection};
pub(crate) use postgres::{SIZES as POSTGRES_SIZES, postgres};
pub(crate) use preview::{linked_preview, preview};
pub(crate) use selection::selection;
pub(crate) use sqlite::{full_reset, linked, secure_delete};
