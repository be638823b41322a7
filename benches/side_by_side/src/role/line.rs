//! What a contestant says, and hears: see [`crate::process`].

use std::io::{self, Read, Write};
use std::time::Duration;

/// Says that the work can begin, and waits for the sign.
pub(super) fn ready() -> io::Result<()> {
    say("ready")?;
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Says that what was to go is gone for everybody else.
pub(super) fn committed() -> io::Result<()> {
    say("committed")
}

/// Says in which way it was done.
pub(super) fn way(way: &str) -> io::Result<()> {
    say(&format!("way {way}"))
}

/// Says how long somebody else had to wait.
pub(super) fn wait(longest: Duration) -> io::Result<()> {
    say(&format!("wait {}", longest.as_micros()))
}

/// Says what is left to be done in the background.
pub(super) fn pending(work: &str) -> io::Result<()> {
    say(&format!("pending {work}"))
}

/// Says that all is done, and stays until its memory has been looked at.
pub(super) fn done() -> io::Result<()> {
    say("done")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn say(word: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{word}")?;
    output.flush()
}
