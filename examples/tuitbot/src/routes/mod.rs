//! What each route does, one file a noun. `app` says where they are.

pub(crate) mod auth;
pub(crate) mod factory_reset;
pub(crate) mod health;
pub(crate) mod runtime;
pub(crate) mod settings;
pub(crate) mod targets;
