//! The reference host of `factory-reset`: a social-media automation bot.
//!
//! It keeps everything under one data directory: a SQLite database, the
//! configuration, the passphrase, media. Its automation writes rows all day, a
//! watchtower reads the user's notes, and an HTTP API drives both. In short: a
//! small service with every kind of state that a factory reset has to clear.
//!
//! | to change | look into |
//! |---|---|
//! | what happens at start and shutdown, and in which order | [`serve`](fn@serve) |
//! | what `tuitbot reset` works on | [`reset`](fn@reset) |
//! | routes and their layers | [`app`](fn@app), `routes` |
//! | names and places of files | [`DataFiles`] |
//! | who may call | [`access`] |
//! | what a factory reset clears and keeps | `reset` |
//! | what a browser is shown | `pages` |
//! | what the bot does by itself | [`automation`], [`watchtower`] |

pub mod access;
pub mod automation;
pub mod demo;
pub mod watchtower;

mod api_error;
mod app;
mod arguments;
mod configuration;
mod configuration_file;
mod data_files;
mod database;
mod demo_install;
mod json_body;
mod offline;
mod onboarding;
mod pages;
mod reset;
mod routes;
mod serve;
mod state;

pub use api_error::ApiError;
pub use app::app;
pub use arguments::{Arguments, Command, DataArguments, ResetArguments, ServeArguments};
pub use configuration::{Business, Configuration, ContentSource, ContentSources, XApi};
pub use configuration_file::{ConfigurationError, ConfigurationFile};
pub use data_files::DataFiles;
pub use database::MIGRATOR;
pub use demo_install::DemoError;
pub use json_body::JsonBody;
pub use offline::{OfflineError, reset};
pub use onboarding::{Claim, Credentials, Onboarding};
pub use reset::EngineError;
pub use serve::{StartupError, serve};
pub use state::AppState;
