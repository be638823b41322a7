//! What the built-in steps promise where they meet servers, tried on real ones.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod cache;
mod cache_faults;
mod cache_hostile;
mod cache_pending;
mod fixture;
