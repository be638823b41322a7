//! What this host tells the reset engine about itself. The steps come from
//! `factory_reset_steps`; here are the resources they work on, what is preserved, and who
//! may ask.

mod authoriser;
mod engine;
mod resources;

pub(crate) use authoriser::CallerAuthoriser;
pub use engine::EngineError;
pub(crate) use engine::build;
