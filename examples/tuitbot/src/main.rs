//! The `tuitbot` binary.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use factory_reset::cli::block_on;
use factory_reset::{Printable, chain};
use shared_host::{log_errors_to_stderr, log_to_stderr};
use tuitbot::{Arguments, Command, ServeArguments};

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => {
            log_to_stderr("tuitbot");
            block_on(serve(arguments))
        }
        Command::Reset(arguments) => {
            log_errors_to_stderr();
            tuitbot::reset(arguments)
        }
    }
}

async fn serve(arguments: ServeArguments) -> ExitCode {
    match tuitbot::serve(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading; there is nobody else to tell then.
            let _ = writeln!(io::stderr(), "error: {}", Printable::new(&chain(&error)));
            ExitCode::FAILURE
        }
    }
}
