//! Black-box tests: the real binary, a real socket, a data directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do without fails it"
)]

mod api;
mod demo;
mod host;
mod restart;
mod server;
mod setup;
mod tokens;
