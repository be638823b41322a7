//! The router describes itself: an OpenAPI document, made of its handlers and of what the host
//! has, and a page that shows it. Feature `openapi`.

mod answers;
mod document;
mod page;
mod parameters;

pub(super) use answers::{Always, OfBackup, OfBody, OfNoBackups, OfRun, OfSelection};
pub(super) use page::{document, page};
pub(super) use parameters::{
    BackupName, Conditional, Handover, LastEventId, RecalledKey, Repeatable, RunId,
};
