//! The steps of a manifest. What they clear comes from it, as resources.

mod paths;
mod service;
mod tables;

pub(crate) use paths::{ClaimedPaths, paths};
pub(crate) use service::service;
pub(crate) use tables::{ClaimedTables, tables};
