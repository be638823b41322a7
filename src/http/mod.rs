//! The faces of the engine to HTTP: the gate as a tower layer, the router of a reset service,
//! which cannot be built without an [`Authoriser`], its page for a browser, the layer that refuses
//! requests for other hosts and from other origins, and a server for them.

mod answer;
mod answers;
mod arrived_body;
mod authoriser;
mod backups;
mod cache;
mod call;
mod client_gone;
mod complete;
mod database;
mod files;
mod gate;
mod hosts;
mod idempotency;
mod if_match;
mod json;
mod offer;
#[cfg(feature = "openapi")]
mod openapi;
mod options;
mod page;
mod private;
mod progress;
mod proof;
mod recall;
mod refused;
mod reply;
mod router;
mod run;
mod runs;
mod selected;
#[cfg(feature = "serve")]
mod server;
mod standing;
mod unguessable;

pub use answer::answer_behind_gate;
pub(crate) use answers::Answers;
pub use authoriser::{Actor, Authoriser, Denial};
pub use client_gone::ClientGone;
pub use gate::{GateLayer, GateService};
pub use hosts::{AllowedHost, AllowedHosts, HostCheck, HostRefusal, InvalidHost};
pub(crate) use idempotency::runs;
pub use page::{Page, SignIn};
pub(crate) use progress::listeners;
pub use router::router;
#[cfg(feature = "serve")]
pub use server::Server;
