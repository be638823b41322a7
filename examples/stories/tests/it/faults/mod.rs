//! Faults of the host, of its database and of the line between them, in the middle of a reset
//! or of a restoration. Whatever the instant, rows, files and keys must end in the old state or
//! in the new one, together, and every answer must have been true.
//!
//! `cargo test` runs a short form; `tests/faults --long` tries everything.

mod commits;
mod fixture;
mod kills;
mod servers;
