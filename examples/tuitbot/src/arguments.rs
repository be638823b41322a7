use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use factory_reset::cli;
use factory_reset::http::AllowedHost;

use crate::automation::Runtimes;

/// What the command line says.
#[derive(Debug, Parser)]
#[command(name = "tuitbot", version, about)]
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
    /// Return a bot that does not run, or one with `--url`, to its factory state.
    Reset(ResetArguments),
}

/// Which bot.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// The folder that holds everything the bot keeps.
    #[arg(
        long,
        value_name = "DIR",
        env = "TUITBOT_DATA_DIR",
        default_value = "./tuitbot-data",
        global = true,
        help_heading = "Where"
    )]
    pub data_dir: PathBuf,

    /// Refuse a reset while anything in the data directory or the database would neither be
    /// cleared nor kept on purpose.
    #[arg(long, env = "TUITBOT_STRICT_COVERAGE", global = true)]
    pub strict_coverage: bool,

    /// Delete rows table by table, also where a factory image could take the place of the whole
    /// database at once.
    #[arg(long, env = "TUITBOT_NO_FACTORY_IMAGE", global = true)]
    pub no_factory_image: bool,
}

/// What to reset, and how.
#[derive(Debug, Args)]
pub struct ResetArguments {
    /// Which bot.
    #[command(flatten)]
    pub data: DataArguments,

    /// What to do.
    #[command(flatten)]
    pub reset: cli::ResetArguments,
}

/// How to serve.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Which bot.
    #[command(flatten)]
    pub data: DataArguments,

    /// The address to listen on; port 0 takes any free one.
    #[arg(
        long,
        value_name = "ADDR",
        env = "TUITBOT_BIND",
        default_value = "127.0.0.1:3001"
    )]
    pub bind: SocketAddr,

    /// A host under which the service may be reached beside its address, as the name of a reverse
    /// proxy: `bot.example` or `bot.example:8443`. Can be repeated.
    #[arg(
        long = "allowed-host",
        value_name = "HOST",
        env = "TUITBOT_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<AllowedHost>,

    /// About how long automation rests between two rounds, in seconds.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "TUITBOT_AUTOMATION_PAUSE",
        default_value_t = Runtimes::PAUSE.as_secs_f64(),
        value_parser = seconds
    )]
    pub automation_pause: f64,

    /// Fill a fresh data directory with example data.
    #[arg(long)]
    pub demo: bool,

    /// About how many rows `--demo` writes.
    #[arg(long, value_name = "N", default_value_t = 3000)]
    pub demo_rows: u64,

    /// How many media files `--demo` writes.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub demo_media: u64,
}

impl ServeArguments {
    /// About how long automation rests between two rounds.
    pub(crate) fn automation_pause(&self) -> Duration {
        Duration::from_secs_f64(self.automation_pause)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    match (0.01..=86_400.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("it is not between 0.01 and 86400".to_owned()),
    }
}
