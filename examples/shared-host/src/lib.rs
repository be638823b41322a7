//! What the reference hosts of `factory-reset` have in common: none of it is about resets.
//!
//! | to change | look into |
//! |---|---|
//! | when a host ends | [`shutdown_signal`] |
//! | how a host says where it listens | [`listen`], [`announce`] |
//! | how secrets are made, kept on disk and hashed | [`random_token`](fn@random_token), [`secret_file`], [`Hashing`] |
//! | how attempts at passwords are limited, and what one client is | [`AttemptLimit`], [`client_network`](fn@client_network) |
//! | what keeps answers out of caches | [`keep_private`] |
//! | who may read a database | [`database_file`] |
//! | how a request body is read, or is not | [`JsonBody`], [`discard`](fn@discard) |
//! | how a browser takes a service into use, and is led there | [`FormPage`], [`lead_to`], [`switch`](fn@switch) |
//! | where the log goes | [`log_to_stderr`] |

pub mod database_file;
pub mod secret_file;

mod attempt_limit;
mod client_network;
mod discard;
mod form_page;
mod hashing;
mod json_body;
mod lead;
mod listener;
mod log;
mod private;
mod random_token;
mod shutdown;
mod switch;

pub use attempt_limit::AttemptLimit;
pub use client_network::client_network;
pub use discard::discard;
pub use form_page::FormPage;
pub use hashing::{Hashing, HashingError, Place, Turn};
pub use json_body::{BodyError, JsonBody};
pub use lead::lead_to;
pub use listener::{announce, listen};
pub use log::{log_errors_to_stderr, log_to_stderr};
pub use private::keep_private;
pub use random_token::random_token;
pub use shutdown::shutdown_signal;
pub use switch::switch;
