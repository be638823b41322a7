//! `tuitbot reset` on a terminal, where somebody types.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::command::{reset, told};
use crate::command_line::Bot;

/// Uses the command on a terminal, and types `keys` once it asks. Returns its exit code and what
/// was seen.
fn type_into(bot: &Bot, arguments: &[&str], keys: &str) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_tuitbot");
    let directory = bot.directory.display();
    let line = format!(
        "{program} reset --data-dir '{directory}' {}",
        arguments.join(" ")
    );
    // Of util-linux: it gives the command a terminal of its own.
    let mut script = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line,
            "/dev/null",
        ])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux is installed");
    let (mut stdin, mut stdout) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let mut seen = Vec::new();
    while !seen.ends_with(b"to confirm: ") {
        let mut byte = [0];
        let read = stdout.read(&mut byte).unwrap();
        assert_ne!(
            read,
            0,
            "it does not ask: {}",
            String::from_utf8_lossy(&seen)
        );
        seen.push(byte[0]);
    }
    stdin.write_all(keys.as_bytes()).unwrap();
    stdout.read_to_end(&mut seen).unwrap();
    drop(stdin);
    let code = script.wait().unwrap().code();
    (code, String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn the_phrase_is_typed() {
    let bot = Bot::new();
    let media = ["run", "--step", "media"];
    let (code, seen) = type_into(&bot, &media, "reset tuitbot\n");
    assert_eq!(code, Some(3), "{seen}");
    assert!(seen.contains("incorrect confirmation phrase"), "{seen}");
    let (code, seen) = type_into(&bot, &media, "\u{3}");
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains("nothing was changed"), "{seen}");
    let (code, seen) = type_into(&bot, &media, "\u{4}");
    assert_eq!(code, Some(3), "{seen}");
    assert!(bot.directory.join("media").exists());

    let shown = seen.find("60 files").expect("the plan is shown");
    let place = seen.find(bot.directory.to_str().unwrap()).unwrap();
    assert!(place < shown && shown < seen.find("to confirm").unwrap());
    let (code, seen) = type_into(&bot, &media, "RESET TUITBOT\n");
    assert_eq!(code, Some(0), "{seen}");
    assert!(!bot.directory.join("media").exists());
    assert!(seen.contains("\u{1b}[1m"), "headings stand out");
}

#[test]
fn elsewhere_there_are_no_colours() {
    let bot = Bot::new();
    let told = told(&mut reset(&bot.directory), &["options"]);
    told.succeeds();
    assert!(!told.out.contains('\u{1b}') && !told.err.contains('\u{1b}'));
}
