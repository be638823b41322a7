//! Black-box tests: the real binary, a real socket, a data directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do without fails it"
)]

mod after;
mod api;
mod blocked;
mod browser;
mod claim;
mod command;
mod command_line;
mod concurrency;
mod contract;
mod coverage;
mod disk;
mod failure;
mod faults;
mod history;
mod interrupted;
mod mount;
mod options;
mod owner;
mod processes;
mod rebinding;
mod reset_service;
mod residue;
mod server;
mod slow;
mod state;
mod swap;
mod terminal;
mod wire;
mod writers;
