//! Faults at every call that a reset makes on its data directory: the host is killed there, the
//! call fails, or the power goes. Whatever the instant, the next start must find the old state
//! or the factory state, whole, and every answer must have been true.
//!
//! The calls are counted and spoilt by the shim of `fault-sweeps`. That a sweep would find a half reset is shown
//! by the same sweep over a host that resets naively (`examples/naive.rs`).
//!
//! `cargo test` runs a short form; `tests/faults --long` tries everything.

mod clock;
mod disk;
mod errors;
mod fixture;
mod host;
mod kills;
mod log;
mod many_files;
mod power_cuts;
mod recoveries;
