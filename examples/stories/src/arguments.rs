use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use factory_reset::cli;
use factory_reset::http::AllowedHost;

/// What the command line says.
#[derive(Debug, Parser)]
#[command(name = "stories", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the HTTP API.
    Serve(ServeArguments),
    /// Return a service that does not run, or one with `--url`, to its factory state.
    Reset(ResetArguments),
}

/// Where everything is kept. What holds a password is not shown in `--help`.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// The folder of generated files and secrets, and of the SQLite database.
    #[arg(
        long,
        value_name = "DIR",
        env = "STORIES_DATA_DIR",
        default_value = "stories-data",
        global = true,
        help_heading = "Where"
    )]
    pub data_dir: PathBuf,

    /// A PostgreSQL database to use (`postgres://…`), instead of SQLite in the data directory.
    #[arg(
        long,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<String>,

    /// A Redis server to cache in (`redis://…`).
    #[arg(
        long,
        value_name = "URL",
        env = "REDIS_URL",
        hide_env_values = true,
        global = true
    )]
    pub redis_url: Option<String>,

    /// What signs tokens, at least 32 bytes, instead of a secret that is generated into the
    /// data directory.
    #[arg(
        long,
        value_name = "SECRET",
        env = "JWT_SECRET",
        hide_env_values = true,
        global = true
    )]
    pub jwt_secret: Option<String>,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where everything is kept.
    #[command(flatten)]
    pub data: DataArguments,

    /// The address to listen on; port 0 takes any free one.
    #[arg(
        long,
        value_name = "ADDR",
        env = "STORIES_BIND",
        default_value = "127.0.0.1:3002"
    )]
    pub bind: SocketAddr,

    /// A host under which the service may be reached beside its address, as the name of a reverse
    /// proxy: `bot.example` or `bot.example:8443`. Can be repeated.
    #[arg(
        long = "allowed-host",
        value_name = "HOST",
        env = "STORIES_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<AllowedHost>,

    /// Fill a fresh install with example data.
    #[arg(long)]
    pub demo: bool,
}

/// What to reset, and how.
#[derive(Debug, Args)]
pub struct ResetArguments {
    /// Where everything is kept.
    #[command(flatten)]
    pub data: DataArguments,

    /// What to do.
    #[command(flatten)]
    pub reset: cli::ResetArguments,
}
