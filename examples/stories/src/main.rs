//! The `stories` binary.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use factory_reset::chain;
use shared_host::log_to_stderr;
use stories::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr("stories");
    let result = match &arguments.command {
        Command::Serve(arguments) => stories::serve(arguments).await,
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
