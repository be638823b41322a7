//! What the system promises, tried on whole engines with real files and databases.
#![cfg(all(feature = "sqlite", feature = "axum"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod backup;
mod build;
mod calls;
mod cancel;
mod claims;
#[cfg(feature = "cli")]
mod cli;
#[cfg(feature = "cli")]
mod cli_command;
#[cfg(feature = "cli")]
mod cli_hostile;
#[cfg(feature = "cli")]
mod cli_remote;
mod commit;
mod compile;
mod concurrency;
mod contents;
mod depth;
mod digest;
mod dump;
mod ephemeral;
mod files;
mod fixture;
mod gate;
mod history;
mod http;
mod http_backups;
mod http_calls;
mod http_client;
mod http_events;
mod http_idempotency;
mod http_if_match;
#[cfg(feature = "openapi")]
mod http_openapi;
mod http_page;
mod http_references;
mod http_run;
#[cfg(feature = "serve")]
mod http_server;
mod journal;
mod many_files;
mod msrv;
mod own_files;
mod ownership;
mod pending;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_factory_rows;
#[cfg(feature = "postgres")]
mod postgres_faults;
#[cfg(feature = "postgres")]
mod postgres_fixture;
#[cfg(feature = "postgres")]
mod postgres_keep;
#[cfg(feature = "postgres")]
mod postgres_materialized;
#[cfg(feature = "postgres")]
mod postgres_names;
#[cfg(feature = "postgres")]
mod postgres_rich;
#[cfg(feature = "postgres")]
mod postgres_save;
#[cfg(feature = "postgres")]
mod postgres_sql;
#[cfg(feature = "postgres")]
mod postgres_trust;
#[cfg(feature = "postgres")]
mod postgres_views;
#[cfg(feature = "postgres")]
mod postgres_ways;
#[cfg(feature = "postgres")]
mod recovery;
mod rich;
mod sqlite;
mod sqlite_backup;
mod sqlite_factory;
mod sqlite_factory_rows;
mod sqlite_files;
mod sqlite_image;
mod sqlite_keep;
mod sqlite_locks;
mod sqlite_modes;
mod sqlite_planted;
mod sqlite_references;
mod sqlite_slow;
mod steps;
mod strict;
mod stuck;
mod trees;
mod undo;
mod undo_forget;
mod waits;
