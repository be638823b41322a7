//! Black-box tests: the real binary, a real socket, a data directory of its own.

mod after;
mod api;
mod concurrency;
mod contract;
mod coverage;
mod failure;
mod options;
mod server;
