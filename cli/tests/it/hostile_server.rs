//! The binary on a terminal, with a server that means harm.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;

/// Obeyed by a terminal, or not to be seen.
const HOSTILE: &str = "\u{1b}]0;EVIL\u{7}\u{1b}[5mEVIL\u{9b}5m\u{202e}\u{2066}\r\nEVIL";

/// Serves runs with these numbers and `phrase`; the address of the service.
fn serve(phrase: &'static str, number: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/reset", listener.local_addr().unwrap());
    // Whether the events are sent.
    let sent = Arc::new((Mutex::new(false), Condvar::new()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sent = sent.clone();
            std::thread::spawn(move || answer(stream.unwrap(), phrase, number, &sent));
        }
    });
    url
}

/// Answers the one request of a connection; none where the client has gone.
fn answer(
    mut stream: TcpStream,
    phrase: &str,
    number: u64,
    sent: &(Mutex<bool>, Condvar),
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        let line = line.to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let step = json!({ "id": HOSTILE, "label": HOSTILE, "counts": { HOSTILE: number }, "items": [
        { "name": HOSTILE, "outcome": "removed", "count": number, "unit": HOSTILE, "bytes": number,
            "message": HOSTILE },
    ] });
    let plan = json!({ "digest": "0a", "steps": [step], "confirmation": phrase });
    let body = match path.as_str() {
        "/reset/events" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            stream.write_all(head.as_bytes()).ok()?;
            for (kind, done) in [
                ("planned", 0),
                ("step_started", 0),
                ("step_progressed", 0),
                ("step_progressed", number / 3),
                ("step_progressed", number),
                ("step_progressed", 1),
                ("step_finished", 0),
            ] {
                for total in [json!(number), json!(0), json!(null)] {
                    let event = json!({ "kind": kind, "elapsed_ms": number, "step": HOSTILE,
                        "steps": number, "done": done, "total": total, "unit": HOSTILE,
                        "counts": { HOSTILE: number } });
                    stream
                        .write_all(format!("data: {event}\n\n").as_bytes())
                        .ok()?;
                }
            }
            let (is_sent, changed) = sent;
            *is_sent.lock().unwrap() = true;
            changed.notify_all();
            // Ends when the client does.
            let _ = stream.read(&mut [0]);
            return Some(());
        }
        "/reset/run" => {
            let (is_sent, changed) = sent;
            let is_sent = is_sent.lock().unwrap();
            drop(changed.wait_while(is_sent, |is_sent| !*is_sent).unwrap());
            json!({ "success": true, "message": HOSTILE, "report": plan })
        }
        _ => plan,
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

/// What the binary writes to a terminal of its own, where `typed` is typed.
fn on_a_terminal(arguments: &str, typed: &str) -> (i32, String) {
    let binary = env!("CARGO_BIN_EXE_factory-reset");
    let mut child = Command::new("script")
        .args(["-qefc", &format!("'{binary}' {arguments}"), "/dev/null"])
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut chunk = [0; 4096];
    let mut is_typed = false;
    loop {
        let read = stdout.read(&mut chunk).unwrap();
        if read == 0 {
            break;
        }
        shown.extend_from_slice(&chunk[..read]);
        if !is_typed && String::from_utf8_lossy(&shown).contains(" to confirm: ") {
            is_typed = true;
            stdin.write_all(typed.as_bytes()).unwrap();
            stdin.flush().unwrap();
        }
    }
    let status = child.wait().unwrap();
    (
        status.code().unwrap_or(-1),
        String::from_utf8_lossy(&shown).into_owned(),
    )
}

fn assert_harmless(shown: &str) {
    for hidden in [
        "\u{1b}]",
        "\u{1b}[5m",
        "\u{9b}",
        "\u{202e}",
        "\u{2066}",
        "\u{7}",
        "\nEVIL",
    ] {
        assert!(!shown.contains(hidden), "{hidden:?}: {shown:?}");
    }
}

#[test]
fn a_run_shows_nothing_that_the_terminal_obeys_whatever_its_numbers() {
    for number in [7, 0, u64::MAX] {
        let url = serve("RESET", number);
        let (exit, shown) = on_a_terminal(&format!("--url {url} run"), "RESET\n");
        assert_eq!(exit, 0, "{shown}");
        assert!(shown.contains("EVIL"), "{shown}");
        assert_harmless(&shown);
        assert!(!shown.contains("panicked"), "{shown}");
    }
}

#[test]
fn a_phrase_that_cannot_be_typed_is_not_asked_for() {
    for phrase in [HOSTILE, "RESET\u{200b}", "\u{202e}TESER", "a\nb"] {
        let url = serve(phrase, 1);
        let (exit, shown) = on_a_terminal(&format!("--url {url} run"), "RESET\n");
        assert_eq!(exit, 3, "{shown}");
        assert!(shown.contains("cannot be typed"), "{shown}");
        assert_harmless(&shown);
    }
}
