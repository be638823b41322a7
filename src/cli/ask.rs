//! The phrase that confirms what cannot be taken back.

use std::io::stdin;

use tokio::sync::oneshot;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;

/// Goes on when `phrase` was given, or is typed now.
pub(super) async fn confirm(
    phrase: &str,
    given: Option<&str>,
    console: &Console,
    interruption: &Interruption,
) -> Result<(), Failure> {
    if let Some(given) = given {
        return check(phrase, given, "--confirm");
    }
    if !console.can_ask() {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "nothing was changed: this has to be confirmed, and stdin is no terminal: add \
                 `--confirm \"{phrase}\"`"
            ),
        ));
    }
    console.prompt(&format!("Type {phrase} to confirm: "));
    let typed = interruption.or(line()).await;
    let typed = typed.inspect_err(|_| console.note(""))?;
    check(phrase, &typed, "what was typed")
}

fn check(phrase: &str, given: &str, place: &str) -> Result<(), Failure> {
    if given == phrase {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "nothing was changed: incorrect confirmation phrase: {place} is `{given}`, and has to \
             be `{phrase}`"
        ),
    ))
}

/// A line, read in a thread of its own: nobody waits for it at the end of the process.
async fn line() -> Result<String, Failure> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = stdin().read_line(&mut line).map(|_| line);
        let _ = tell.send(read);
    });
    let line = match told.await {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => {
            let text = format!("nothing was changed: stdin cannot be read: {error}");
            return Err(Failure::new(Exit::Refused, text));
        }
        Err(_) => String::new(),
    };
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
