//! Black-box tests: the real binary, a real socket, a data directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do without fails it"
)]

mod api;
mod backups;
mod browser;
mod command_line;
mod contract;
mod crowd;
mod demo;
mod faults;
mod host;
mod idempotency;
mod if_match;
mod install;
mod owner;
mod rebinding;
mod redis;
mod restart;
mod selection;
mod server;
mod setup;
mod tokens;
