//! What the system promises, tried on whole engines with real files and databases.
#![cfg(all(feature = "sqlite", feature = "axum"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod build;
mod calls;
mod claims;
mod commit;
mod compile;
mod concurrency;
mod contents;
mod depth;
mod digest;
mod dump;
mod files;
mod fixture;
mod gate;
mod history;
mod http;
mod journal;
mod msrv;
mod pending;
mod recovery;
mod rich;
mod sqlite;
mod sqlite_factory;
mod sqlite_locks;
mod sqlite_modes;
mod sqlite_references;
mod steps;
mod strict;
mod stuck;
mod undo;
mod undo_forget;
mod waits;
