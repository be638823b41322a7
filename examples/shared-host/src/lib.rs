//! What the reference hosts of `factory-reset` have in common: none of it is about resets.
//!
//! | to change | look into |
//! |---|---|
//! | how connections are served, and how that ends | [`Server`], [`shutdown_signal`] |
//! | how a host says where it listens | [`listen`], [`announce`] |
//! | how secrets are made, kept on disk and hashed | [`random_token`](fn@random_token), [`secret_file`], [`Hashing`] |
//! | how a request body is read, or is not | [`JsonBody`], [`discard`](fn@discard) |
//! | where the log goes | [`log_to_stderr`] |

pub mod secret_file;

mod discard;
mod hashing;
mod json_body;
mod listener;
mod log;
mod random_token;
mod server;
mod shutdown;

pub use discard::discard;
pub use hashing::{Hashing, HashingError};
pub use json_body::{BodyError, JsonBody};
pub use listener::{announce, listen};
pub use log::{log_errors_to_stderr, log_to_stderr};
pub use random_token::random_token;
pub use server::Server;
pub use shutdown::shutdown_signal;
