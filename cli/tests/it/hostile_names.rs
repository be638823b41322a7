//! Names that somebody else has chosen: nothing of them is obeyed by a terminal, hidden from its
//! reader, or taken for a part of the manifest.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use factory_reset::Printable;

use crate::bench::{Bench, Ran};
use crate::sample::Sample;

/// Each is the name of a table and of a file.
const NAMES: &[&str] = &[
    "plain größe 日本",
    "\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[31mred",
    "\u{9b}31mc1\u{85}\u{7f}",
    "exe\u{202e}gpj.\u{2066}\u{200e}\u{200f}\u{61c}",
    "zero\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{180e}width",
    "tags\u{e0041}\u{e007f}\u{fe0f}\u{3164}\u{115f}\u{ffa0}",
    "lines\u{2028}\u{2029}\r\nEVIL: line",
    "\"]\n[service]\nstop = [\"touch\", \"pwned\"]\nstart = [\"true\"]\n#",
    "'''\"\"\"\\\n#",
    "blank\u{a0}\u{2003}",
    "marks\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
];

fn assert_plain(ran: &Ran, command: &[&str]) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        assert!(Printable::new(line).is_plain(), "{command:?}: {line:?}");
        assert!(
            !line.trim_start().starts_with("EVIL"),
            "{command:?}: {line:?}"
        );
    }
}

/// Runs a command with all of its log.
fn run(bench: &Bench, arguments: &[&str]) -> Ran {
    let mut command = bench.command(arguments);
    let command = command.env("RUST_LOG", "trace").env("NO_COLOR", "1");
    let ran = Ran::of(&command.output().unwrap());
    assert_plain(&ran, arguments);
    ran
}

fn done(bench: &Bench, arguments: &[&str]) -> Ran {
    let ran = run(bench, arguments);
    assert_eq!(ran.exit, 0, "{arguments:?}: {ran:?}");
    ran
}

async fn fill(bench: &Bench) -> Sample {
    let tables = NAMES.iter().map(|name| {
        let name = name.replace('"', "\"\"");
        format!(
            "CREATE TABLE \"{name}\" (id INTEGER PRIMARY KEY); INSERT INTO \"{name}\" VALUES (1);"
        )
    });
    let tables: String = tables.collect();
    let parent = NAMES[6];
    let child = format!("CREATE TABLE child (id REFERENCES \"{parent}\" (id));");
    for name in NAMES {
        bench.write(&format!("data/{name}"), "x");
    }
    Sample::sqlite(bench, &[&tables, &child]).await
}

#[tokio::test]
async fn every_command_shows_names_escaped() {
    let bench = Bench::new();
    let sample = fill(&bench).await;
    // Not UTF-8: found, but not to be named.
    fs::write(bench.data().join(OsStr::from_bytes(b"bytes\xff\x9b")), "x").unwrap();
    let url = sample.url();
    let init = [
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--claim-all",
        "--name",
    ];
    let ran = done(
        &bench,
        &[&init[..], &["the \u{202e}shop", "--output", "-"]].concat(),
    );
    assert!(!ran.stdout.contains("\n[service]"), "{ran:?}");
    done(&bench, &[&init[..], &["the \u{202e}shop"]].concat());
    let text = bench.read("factory-reset.toml");
    for line in text.lines() {
        assert!(Printable::new(line).is_plain(), "{line:?}");
    }
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    assert!(!manifest.contains_key("service"), "{text}");
    let expected: BTreeSet<&str> = NAMES.iter().copied().collect();
    for of in ["tables", "paths"] {
        let clear = manifest[of]["clear"].as_array().unwrap().iter();
        let clear: BTreeSet<&str> = clear.map(|name| name.as_str().unwrap()).collect();
        assert!(clear.is_superset(&expected), "{of}: {clear:?}");
    }
    bench.edit(|text| {
        let lines = text.lines().filter(|line| !line.contains("bytes"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let reason = "\"\\u001b[2J\\u202E\\nEVIL: reason\"";
        text.replace(
            "[paths.preserve]",
            &format!("[paths.preserve]\nkept = {reason}"),
        )
    });
    bench.write("data/kept", "x");
    for arguments in [
        &["check"][..],
        &["--json", "check"],
        &["options"],
        &["preview"],
        &["--json", "preview"],
        &["run", "--dry-run"],
        &["backup", "first"],
    ] {
        done(&bench, arguments);
    }
    let preview = bench.json(&["preview"]);
    for name in NAMES {
        // The value is the name itself, however it is written.
        assert!(
            preview
                .to_string()
                .contains(&serde_json::to_string(name).unwrap()),
            "{name:?}"
        );
    }
    bench.write("data/backups/\u{202e}\u{1b}[2J\nEVIL.tar.zst", "x");
    run(&bench, &["backups"]);
    run(&bench, &["--json", "backups"]);
    let phrase = r"RESET THE \U{202E}SHOP";
    run(&bench, &["run"]);
    run(&bench, &["run", "--confirm", "\u{202e}\u{1b}[2J\nEVIL"]);
    run(
        &bench,
        &[
            "run",
            "--step",
            "\u{202e}\u{1b}[2J\nEVIL",
            "--confirm",
            phrase,
        ],
    );
    run(&bench, &["restore", "first", "--dry-run"]);
    done(&bench, &["run", "--confirm", phrase]);
    bench.edit(|text| text.replace("\"child\"", "\"chidl\""));
    let ran = run(&bench, &["check"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.error().contains("did you mean `child`?"), "{ran:?}");
}

/// Every file below `directory`.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

#[tokio::test]
async fn a_history_that_somebody_else_has_written_is_shown_escaped() {
    let bench = Bench::new();
    bench.write("data/uploads/one", "x");
    bench.write(
        "factory-reset.toml",
        "name = \"shop\"\ndata_dir = \"data\"\n[paths]\nclear = [\"uploads\"]\n",
    );
    done(&bench, &["run", "--confirm", "RESET SHOP"]);
    let mut is_changed = false;
    for file in files(&bench.data().join(".factory-reset")) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let hostile = r"\u001b[2J\u202e\u009b31m\nEVIL";
        let changed = text
            .replace("command line", hostile)
            .replace("\"uploads\"", &format!("\"{hostile}\""));
        is_changed |= changed != text;
        fs::write(&file, changed).unwrap();
    }
    assert!(is_changed);
    let ran = done(&bench, &["history"]);
    assert!(ran.stdout.contains(r"\u{202e}"), "{ran:?}");
    let runs = bench.json(&["history"]);
    let run = runs["runs"][0]["id"].as_str().unwrap();
    done(&bench, &["--json", "history"]);
    let ran = done(&bench, &["history", run]);
    assert!(ran.stdout.contains(r"\u{202e}"), "{ran:?}");
    done(&bench, &["--json", "history", run]);
}

#[test]
fn messages_show_hostile_paths_and_text_of_the_manifest_escaped() {
    let bench = Bench::new();
    let hostile = "\u{1b}[2J\u{202e}\nEVIL";
    for manifest in [
        "name = \"x\"\ndata_dir = \"\\u001b[2J\\u202E\\nEVIL\"\n",
        "name = \"x\"\ndata_dir = \"data\"\n[database]\nurl = \"sqlite:\\u001b\\u202E\\nEVIL\"\n",
        "name = \"x\"\ndata_dir = \"data\"\n\"\\u001b\\u202E\\nEVIL\" = 1\n",
        "name = \"x\"\ndata_dir = \"data\"\n[tables]\nclear = \"\\u001b\\u202E\\nEVIL\"\n",
        "name = \"x\"\ndata_dir = \"data\"\nconfirmation = \"\\u202EEVIL\"\n",
        "name = \u{202e}\n",
    ] {
        bench.write("factory-reset.toml", manifest);
        for arguments in [&["check"][..], &["--json", "preview"]] {
            let ran = run(&bench, arguments);
            assert_ne!(ran.exit, 0, "{manifest}: {ran:?}");
            ran.error();
        }
    }
    for arguments in [
        &["--manifest", hostile, "check"][..],
        &["init", "--data-dir", hostile],
        &[
            "init",
            "--data-dir",
            "data",
            "--output",
            "data/\u{202e}\u{1b}[2J\nEVIL",
        ],
        &["--url", hostile, "options"],
        &["history", hostile],
        &[hostile],
        &["run", "--only", hostile],
    ] {
        run(&bench, arguments);
    }
}
