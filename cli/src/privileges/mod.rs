//! Root stays in one small process; everything else is done as the user who owns the data.
//!
//! The parent reads the manifest, finds the owner of the data and runs the command line again in
//! a child, which becomes that user before it does anything. The parent keeps the rights of root
//! for the two commands of `[service]`, which the child asks for over a socket, and for the file
//! that `init` writes.

mod child;
mod link;
mod message;
mod parent;
mod prepare;

pub(crate) use child::Child;
pub(crate) use link::{Gone, Link};
pub(crate) use prepare::{Next, Prepared, prepare};
