//! The binary, as a user meets it, on services that this project has never seen.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod bad_manifests;
mod bench;
mod cache;
mod factory;
mod generated;
mod hostile_database;
mod hostile_names;
mod hostile_server;
mod interrupted;
mod many_rows;
mod needed;
mod owned;
mod passwords;
mod privileges;
mod round_trip;
mod sample;
mod serve;
mod service;
mod trust;
mod trusted;
