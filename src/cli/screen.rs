//! What is written where. Whoever has closed an end misses it; that never stops a command.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::answer::Answer;
use super::table::printable;

/// Where a command tells things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// Whether stdout is for JSON alone.
    pub(super) is_json: bool,
}

pub(super) const HEADING: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

impl Screen {
    /// Prints what was asked for: as JSON, or what `shown` makes of it.
    pub(super) fn answer(self, answer: &Answer, shown: impl FnOnce() -> String) {
        if self.is_json {
            write_out(&format!("{}\n", answer.text));
        } else {
            write_out(&shown());
        }
    }

    /// Prints what belongs to the answer for people.
    pub(super) fn show(self, text: impl Display) {
        if self.is_json {
            note(text);
        } else {
            write_out(&format!("{text}\n"));
        }
    }
}

/// Tells what goes on.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Tells what should be looked at.
pub(super) fn warn(text: &str) {
    let text = printable(text);
    note(format_args!("{WARNING}warning:{WARNING:#} {text}"));
}

/// Tells why the command fails.
pub(super) fn error(text: &str) {
    let text = printable(text);
    note(format_args!("{ERROR}error:{ERROR:#} {text}"));
}

/// Whether somebody may be looking on.
pub(super) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

fn write_out(text: &str) {
    let mut out = anstream::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(cause) = written
        && cause.kind() != ErrorKind::BrokenPipe
    {
        warn(&format!("could not write to stdout: {cause}"));
    }
}
