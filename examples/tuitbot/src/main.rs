//! The `tuitbot` binary.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use factory_reset::chain;
use tracing_subscriber::EnvFilter;
use tuitbot::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let result = match &arguments.command {
        Command::Serve(arguments) => tuitbot::serve(arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading; there is nobody else to tell then.
            let _ = writeln!(io::stderr(), "error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,tuitbot=info,factory_reset=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // Would be written to stderr too, and panic when that is what failed.
        .log_internal_errors(false)
        .init();
}
