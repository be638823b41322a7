//! Completions, the man page, help.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::bench::Bench;

const COMMANDS: [&str; 10] = [
    "init", "check", "options", "preview", "run", "backup", "backups", "restore", "history",
    "recover",
];

#[test]
fn completions_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = bench.done(&["completions", shell]).stdout;
        for command in COMMANDS {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
    let mut bash = Command::new("bash");
    let mut bash = bash.arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    let text = bench.done(&["completions", "bash"]).stdout;
    bash.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn the_man_page_tells_every_command_and_exit_code() {
    let text = Bench::new().done(&["man"]).stdout;
    assert!(text.starts_with(".ie") || text.contains(".TH"), "{text}");
    for command in COMMANDS {
        assert!(text.contains(command), "{command}");
    }
    assert!(
        text.contains("FACTORY_RESET_MANIFEST") && text.contains("130"),
        "{text}"
    );
}

#[test]
fn help_tells_the_exit_codes_and_what_to_begin_with() {
    let text = Bench::new().done(&["--help"]).stdout;
    assert!(
        text.contains("Exit codes:") && text.contains("factory-reset init"),
        "{text}"
    );
}
