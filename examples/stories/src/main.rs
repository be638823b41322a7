//! The `stories` binary.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use factory_reset::{Printable, chain};
use shared_host::{log_errors_to_stderr, log_to_stderr};
use stories::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => {
            log_to_stderr("stories");
            match stories::serve(&arguments).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    // Nobody may be reading; there is nobody else to tell then.
                    let _ = writeln!(io::stderr(), "error: {}", Printable::new(&chain(&error)));
                    ExitCode::FAILURE
                }
            }
        }
        Command::Reset(arguments) => {
            log_errors_to_stderr();
            stories::reset(arguments).await
        }
    }
}
