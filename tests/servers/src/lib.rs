//! Real servers for tests: each on a free port and in a temporary directory of its own, gone
//! when the value is dropped, and also when the test process is killed. A server that the
//! system runs is never touched.
//!
//! A program that is missing is a panic, never a test that is skipped: `tests/run` installs
//! what is needed.

mod dump;
mod guard;
mod postgres;
mod program;
mod proxy;
mod redis;

pub use dump::dump;
pub use postgres::{Database, Postgres};
pub use proxy::{Fault, Proxy};
pub use redis::Redis;
