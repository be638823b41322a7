//! The faces of the engine to HTTP: the gate as a tower layer, and a router with options and
//! preview, which cannot be built without an [`Authoriser`].

mod authoriser;
mod gate;
mod router;

pub use authoriser::{Actor, Authoriser, Denial};
pub use gate::{GateLayer, GateService};
pub use router::router;
