//! The faces of the engine to HTTP: the gate as a tower layer, and a router with options,
//! preview and history, which cannot be built without an [`Authoriser`].

mod answer;
mod authoriser;
mod gate;
mod router;

pub use answer::answer_behind_gate;
pub use authoriser::{Actor, Authoriser, Denial};
pub use gate::{GateLayer, GateService};
pub use router::router;
