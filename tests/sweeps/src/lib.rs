//! For tests of a host: a shim that is loaded into it, counts the calls by which it changes its
//! data directory, and breaks one of them; and sweeps over many such points, each of which must
//! end in the old state or in the new one.
//!
//! `tests/faults` prints the tables that the sweeps make.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do without fails it"
)]

mod control;
mod place;
mod state;
mod sweep;

pub use control::{Control, Errno, Fault};
pub use place::{copy, directory};
pub use state::State;
pub use sweep::{
    End, Outcome, Tally, any, assert_whole, block_on, chance, choose, is_long, sample, seed, sweep,
};
