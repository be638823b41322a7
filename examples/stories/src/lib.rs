//! The second reference host of `factory-reset`: a place where writers publish stories.
//!
//! It keeps its rows in SQLite or PostgreSQL, generated files in its data directory and, where
//! it is told of one, a cache in Redis. In short: a small service with state on three kinds of
//! servers, that a factory reset has to clear as one.
//!
//! | to change | look into |
//! |---|---|
//! | what happens at start and shutdown, and in which order | [`serve`](fn@serve) |
//! | what `stories reset` works on | [`reset`](fn@reset) |
//! | routes and their layers | [`app`](fn@app), `routes` |
//! | names and places of files | [`DataFiles`] |
//! | which database, and its schema | [`Database`], `migrations` |
//! | what Redis keeps | [`Cache`] |
//! | who may call | [`access`] |
//! | what a factory reset clears and keeps | `reset` |
//! | what a browser is shown | `pages` |
//! | what `--demo` writes | `demo` |

pub mod access;

mod api_error;
mod app;
mod arguments;
mod audit_log;
mod cache;
mod data_files;
mod database;
mod demo;
mod extract;
mod generated_file;
mod offline;
mod pages;
mod reset;
mod routes;
mod serve;
mod state;
mod text;

pub use api_error::ApiError;
pub use app::app;
pub use arguments::{Arguments, Command, DataArguments, ResetArguments, ServeArguments};
pub use cache::{Cache, CacheError};
pub use data_files::DataFiles;
pub use database::{Database, DatabaseUrlError, POSTGRES_MIGRATOR, Pool, SQLITE_MIGRATOR};
pub use demo::DemoError;
pub use extract::{JsonBody, Path};
pub use offline::{OfflineError, reset};
pub use reset::EngineError;
pub use serve::{StartupError, serve};
pub use state::{AppState, OpenError};
pub use text::Text;
