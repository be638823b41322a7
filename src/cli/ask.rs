//! The phrase that confirms what cannot be taken back.

use std::io::stdin;

use tokio::sync::oneshot;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use crate::printable::Printable;

/// How long a phrase may be that a person is asked to type.
const LONGEST: usize = 200;

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
    if !Printable::new(phrase).is_plain() || phrase.chars().count() > LONGEST {
        return Err(Failure::new(
            Exit::Refused,
            "nothing was changed: the phrase that confirms this cannot be typed, because it is \
             too long or contains characters that cannot be seen: correct it in the service",
        ));
    }
    console.prompt(&format!("Type {phrase} to confirm: "));
    let read = interruption.or(line()).await;
    let read = read.inspect_err(|_| console.note(""))?;
    check_typed(phrase, &read, console)
}

/// Checks a line as it was read.
fn check_typed(phrase: &str, read: &str, console: &Console) -> Result<(), Failure> {
    // At the end of the input the cursor stays behind the prompt.
    if !read.ends_with('\n') {
        console.note("");
    }
    let typed = read.trim_end_matches(['\r', '\n']);
    if typed.is_empty() {
        let text = format!(
            "nothing was changed: nothing was typed, and it has to be confirmed with `{phrase}`"
        );
        return Err(Failure::new(Exit::Refused, text));
    }
    check(phrase, typed, "what was typed")
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
    match told.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => {
            let text = format!("nothing was changed: stdin cannot be read: {error}");
            Err(Failure::new(Exit::Refused, text))
        }
        Err(_) => Ok(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::Written;
    use super::*;

    #[test]
    fn what_is_typed_has_to_be_the_phrase_and_nothing_is_told_as_nothing() {
        for (read, says, newline) in [
            ("RESET\n", None, ""),
            ("RESET\r\n", None, ""),
            ("\n", Some("nothing was typed"), ""),
            ("", Some("nothing was typed"), "\n"),
            ("RES", Some("what was typed is `RES`"), "\n"),
        ] {
            let err = Written::default();
            let console = Console::captured(Vec::new(), err.clone());
            let checked = check_typed("RESET", read, &console);
            assert_eq!(err.text(), newline, "{read:?}");
            match (checked, says) {
                (Ok(()), None) => {}
                (Err(failure), Some(says)) => {
                    assert_eq!(failure.exit(), Exit::Refused);
                    assert!(failure.text.contains(says), "{failure}");
                    assert!(failure.text.ends_with("`RESET`"), "{failure}");
                }
                (checked, _) => panic!("{read:?}: {checked:?}"),
            }
        }
    }
}
