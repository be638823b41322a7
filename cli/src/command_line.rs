//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use factory_reset::cli::{Exit, ResetCommand};
use factory_reset::http::AllowedHost;

/// Return a service to its factory state: all or nothing, crash-safe, with an exact report.
///
/// Begin with `factory-reset init --database … --data-dir …`, which only looks, and writes a
/// manifest in which you say what is to go and what is to stay. Then `preview` it, and `run` it.
#[derive(Parser)]
#[command(name = "factory-reset", version, after_long_help = Exit::HELP)]
pub(crate) struct CommandLine {
    /// What describes the service.
    #[arg(
        long,
        value_name = "FILE",
        env = "FACTORY_RESET_MANIFEST",
        default_value = "factory-reset.toml",
        global = true
    )]
    pub(crate) manifest: PathBuf,

    /// Where to work, and how to tell.
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where to work, and how to tell.
#[derive(Args)]
pub(crate) struct Connection {
    /// Ask this server instead of working on the data: the address of a reset service, as
    /// `http://127.0.0.1:3001/api/reset`. The manifest is not read then.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) url: Option<String>,

    /// What lets the server let us in, sent as a bearer token.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "FACTORY_RESET_TOKEN",
        hide_env_values = true,
        global = true
    )]
    pub(crate) token: Option<String>,

    /// Work with the rights of this process, as root too, when the data belongs to another user.
    /// Without it root becomes that user first. Another user who can write to the data can then
    /// make this process change or delete any file that it may change.
    #[arg(long, global = true)]
    pub(crate) as_root: bool,

    /// Print JSON on stdout, the same as the HTTP API answers; everything else goes to stderr.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What can be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Look at a service, and write a manifest with everything that it has. Only reads.
    #[command(after_long_help = Exit::HELP)]
    Init(InitArguments),
    /// Say whether the manifest fits what is there. Changes nothing.
    #[command(after_long_help = Exit::HELP)]
    Check,
    #[command(flatten)]
    Reset(ResetCommand),
    /// Serve the page and the HTTP API behind a bearer token, until a signal ends it.
    #[command(after_long_help = Exit::HELP)]
    Serve(ServeArguments),
    /// Print completions for a shell.
    Completions {
        /// For which one.
        shell: Shell,
    },
    /// Print the man page, or write it with those of all commands.
    Man {
        /// Into which directory.
        directory: Option<PathBuf>,
    },
}

/// What to look at.
#[derive(Args)]
pub(crate) struct InitArguments {
    /// The database: `sqlite:path` or `postgres://user@host/database`.
    #[arg(long, value_name = "URL", conflicts_with = "database_env")]
    pub(crate) database: Option<String>,

    /// The environment variable that holds the address of the database; the manifest names it
    /// instead of the address.
    #[arg(long, value_name = "NAME")]
    pub(crate) database_env: Option<String>,

    /// The directory in which the service keeps its files.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: PathBuf,

    /// What the service is called; the name of the data directory unless given.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Where to write the manifest; `-` is stdout.
    #[arg(long, value_name = "FILE", default_value = "factory-reset.toml")]
    pub(crate) output: PathBuf,

    /// Write over a manifest that is there.
    #[arg(long)]
    pub(crate) force: bool,

    /// Write a manifest that clears everything but what is preserved, instead of leaving every
    /// decision to you.
    #[arg(long)]
    pub(crate) claim_all: bool,
}

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Where to listen; port 0 is any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) bind: SocketAddr,

    /// A host under which the service may be reached beside its address, as the name of a reverse
    /// proxy: `bot.example` or `bot.example:8443`. Can be repeated.
    #[arg(
        long = "allowed-host",
        value_name = "HOST",
        env = "FACTORY_RESET_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<AllowedHost>,

    /// A file that holds the token which callers must send; without it the one in
    /// FACTORY_RESET_TOKEN, or else a new one that is printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}
