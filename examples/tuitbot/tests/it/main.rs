//! Black-box tests: the real binary, a real socket, a data directory of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do without fails it"
)]

mod after;
mod api;
mod concurrency;
mod contract;
mod coverage;
mod failure;
mod faults;
mod options;
mod server;
