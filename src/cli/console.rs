use std::fmt::{self, Debug, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use rustix::termios::tcgetwinsize;

use super::answer::Answer;
use crate::printable::{Printable, printable_json};

pub(super) const HEADING: Style = Style::new().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// The line break, and the parts of the styles above with their end.
const KEPT: [&str; 5] = ["\n", "\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[33m"];

/// How wide a text may be that goes to no terminal, in columns.
const WIDTH: u16 = 80;

type Stream = Arc<Mutex<dyn Write + Send>>;

/// Where a command tells things. Whoever has closed an end misses what is told; that never stops
/// a command.
#[derive(Clone)]
pub struct Console {
    out: Stream,
    err: Stream,
    /// Whether `out` is for JSON alone.
    is_json: bool,
    is_watched: bool,
    can_ask: bool,
    /// How many columns a line of `out` has room for.
    width: u16,
}

impl Console {
    /// The process's own: coloured and with bars on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            out: Arc::new(Mutex::new(anstream::stdout())),
            err: Arc::new(Mutex::new(anstream::stderr())),
            is_json: false,
            is_watched: io::stderr().is_terminal(),
            can_ask: io::stdin().is_terminal(),
            width: width_of(&io::stdout()).unwrap_or(WIDTH),
        }
    }

    /// Writes plain text to `out` and `err`, and asks nobody: for tests of a host.
    #[must_use]
    pub fn captured(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            out: Arc::new(Mutex::new(Plain(out))),
            err: Arc::new(Mutex::new(Plain(err))),
            is_json: false,
            is_watched: false,
            can_ask: false,
            width: WIDTH,
        }
    }

    pub(super) fn json(mut self, is_json: bool) -> Self {
        self.is_json = is_json;
        self
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether somebody may be looking on.
    pub(super) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Whether somebody can be asked.
    pub(super) fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// How wide a text may be.
    pub(super) fn width(&self) -> u16 {
        self.width
    }

    /// Tells what was asked for: as JSON, or what `shown` makes of it.
    pub(super) fn answer(&self, answer: &Answer, shown: impl FnOnce() -> String) {
        if self.is_json {
            self.write_out(&format!("{}\n", printable_json(&answer.text)));
        } else {
            self.write_out(&shown());
        }
    }

    /// Tells people what belongs to the answer.
    pub(super) fn show(&self, text: impl Display) {
        if self.is_json {
            self.note(text);
        } else {
            self.write_out(&format!("{text}\n"));
        }
    }

    /// Tells what goes on.
    pub(super) fn note(&self, text: impl Display) {
        let _ = write(&self.err, &format!("{text}\n"));
    }

    /// Tells what should be looked at.
    pub(super) fn warn(&self, text: &str) {
        let text = Printable::new(text);
        self.note(format_args!("{WARNING}warning:{WARNING:#} {text}"));
    }

    /// Tells why the command fails.
    pub(super) fn error(&self, text: &str) {
        let text = Printable::new(text);
        self.note(format_args!("{ERROR}error:{ERROR:#} {text}"));
    }

    /// Asks for something to be typed.
    pub(super) fn prompt(&self, text: &str) {
        let _ = write(&self.err, text);
    }

    fn write_out(&self, text: &str) {
        if let Err(cause) = write(&self.out, text)
            && cause.kind() != ErrorKind::BrokenPipe
        {
            self.warn(&format!("could not write to stdout: {cause}"));
        }
    }
}

impl Debug for Console {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Console").finish_non_exhaustive()
    }
}

/// The width of a terminal, in columns; none where there is no terminal, or it does not know.
fn width_of(stream: &impl AsFd) -> Option<u16> {
    let size = tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

fn write(stream: &Stream, text: &str) -> io::Result<()> {
    let text = guarded(text);
    // Nothing panics while it holds this lock; a poisoned one would be as good.
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// `text` with everything escaped but line breaks and the console's own styles. Names are escaped
/// where they become part of a text, so this is the second line of defence.
fn guarded(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['\n', '\u{1b}']) {
        let (before, after) = rest.split_at(start);
        guarded += &Printable::new(before).to_string();
        let kept = KEPT.iter().find(|kept| after.starts_with(**kept));
        let end = kept.map_or(1, |kept| kept.len());
        match kept {
            Some(kept) => guarded += kept,
            None => guarded += &Printable::new(&after[..end]).to_string(),
        }
        rest = &after[end..];
    }
    guarded + &Printable::new(rest).to_string()
}

/// Without colours.
struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(strip_str(&text).to_string().as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::Written;
    use super::*;

    #[test]
    fn only_the_consoles_own_styles_and_line_breaks_reach_a_terminal() {
        for style in [HEADING, WARNING, ERROR] {
            let text = format!("a\n{style}b{style:#}\nc");
            assert_eq!(guarded(&text), text);
        }
        let hostile = "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31;1m\u{9b}1m\r\t\u{202e}ö";
        let shown = r"\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31;1m\u{9b}1m\r\t\u{202e}ö";
        assert_eq!(guarded(hostile), shown);
    }

    #[test]
    fn every_way_to_write_escapes() {
        let (out, err) = (Written::default(), Written::default());
        let console = Console::captured(out.clone(), err.clone());
        let hostile = "\u{1b}[2J\u{202e}";
        let answer = Answer::of(&"\u{9b}\u{202e}");
        console.answer(&answer, || hostile.to_owned());
        console.show(hostile);
        console.note(hostile);
        console.warn(hostile);
        console.error(hostile);
        console.prompt(hostile);
        let console = console.json(true);
        console.answer(&answer, String::new);
        console.show(hostile);
        let text = out.text() + &err.text();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:?}");
        assert_eq!(text.matches(r"\u{1b}[2J\u{202e}").count(), 7, "{text:?}");
        assert!(out.text().ends_with("\"\\u009b\\u202e\"\n"), "{text:?}");
    }
}
