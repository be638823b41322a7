//! What this host tells the reset engine about itself: the resources that steps work on, a
//! step of its own, what is preserved, and who may ask.

mod authoriser;
mod engine;
mod setup_token;
mod signing_key;

pub(crate) use authoriser::AdministratorAuthoriser;
pub use engine::EngineError;
pub(crate) use engine::build;
