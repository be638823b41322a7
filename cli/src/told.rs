//! What is written where: on stdout what was asked for, on stderr everything else.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::ExitCode;

use factory_reset::Printable;
use factory_reset::cli::{Exit, Failure};

/// Says why a command fails, and ends it accordingly.
pub(crate) fn failed(failure: &Failure) -> ExitCode {
    note(format_args!("error: {failure}"));
    failure.exit().into()
}

/// Says what is wrong with the arguments, and ends the process; prints help where that was asked
/// for.
pub(crate) fn misused(error: &clap::Error) -> ! {
    let is_plain = |argument: OsString| Printable::new(&argument.to_string_lossy()).is_plain();
    if error.use_stderr() && !std::env::args_os().all(is_plain) {
        // The message repeats arguments, whose line breaks cannot be told from its own.
        note(error.render());
        std::process::exit(error.exit_code());
    }
    error.exit()
}

/// Writes one line to stderr, with names in it escaped.
pub(crate) fn note(text: impl Display) {
    // Whoever has closed the end misses it; that stops no command.
    let text = text.to_string();
    let _ = writeln!(stderr(), "{}", Printable::new(&text));
}

/// Prints what was asked for.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Failed,
            format!("could not write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}
