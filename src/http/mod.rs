//! The faces of the engine to HTTP: the gate as a tower layer, the router of a reset service,
//! which cannot be built without an [`Authoriser`], and its page for a browser.

mod answer;
mod answers;
mod authoriser;
mod backups;
mod cache;
mod call;
mod complete;
mod database;
mod files;
mod gate;
mod idempotency;
mod if_match;
mod json;
mod offer;
#[cfg(feature = "openapi")]
mod openapi;
mod options;
mod page;
mod progress;
mod proof;
mod recall;
mod refused;
mod reply;
mod router;
mod run;
mod runs;
mod selected;
mod standing;

pub use answer::answer_behind_gate;
pub(crate) use answers::Answers;
pub use authoriser::{Actor, Authoriser, Denial};
pub use gate::{GateLayer, GateService};
pub use page::{Page, SignIn};
pub use router::router;
