//! What tells root what to do cannot be changed by another user.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::bench::Bench;
use crate::owned::{NOBODY, give, set_mode};
use crate::sample::{SQLITE, Sample};

const PATHS: &str = "[paths]\nclear = [\"uploads\"]\n";

const RUN: [&str; 3] = ["run", "--confirm", "RESET SHOP"];

/// Refused, with the command that helps.
fn refused(bench: &Bench, command: &[&str], fix: &str) {
    let ran = bench.run(command);
    assert_eq!(ran.exit, 3, "{fix}: {ran:?}");
    assert!(ran.error().contains(fix), "{fix}: {ran:?}");
}

/// Refused while another user owns `path`, or can write to it, and not otherwise.
fn must_be_of_root(bench: &Bench, path: &str) {
    let path = bench.path().join(path);
    let mode = fs::metadata(&path).unwrap();
    let mode = std::os::unix::fs::MetadataExt::mode(&mode) & 0o7777;
    bench.done(&["check"]);
    std::os::unix::fs::chown(&path, Some(NOBODY), None).unwrap();
    refused(
        bench,
        &["preview"],
        &format!("chown root {}", path.display()),
    );
    std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    for writable in [0o020, 0o002] {
        set_mode(&path, mode | writable);
        refused(
            bench,
            &["preview"],
            &format!("chmod go-w {}", path.display()),
        );
    }
    set_mode(&path, mode);
    bench.done(&["check"]);
}

#[tokio::test]
async fn root_refuses_what_another_user_can_change() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let url = sample.url();
    fs::create_dir(bench.path().join("conf")).unwrap();
    fs::create_dir(bench.path().join("more")).unwrap();
    fs::create_dir(bench.path().join("scripts")).unwrap();
    for script in ["stop.sh", "start.sh", "option.sh"] {
        bench.write(&format!("scripts/{script}"), "#!/bin/sh\n");
        set_mode(&bench.path().join("scripts").join(script), 0o755);
    }
    bench.write("more/rows.sql", "SELECT 1;");
    bench.write(
        "conf/factory-reset.toml",
        format!(
            "name = \"shop\"\ndata_dir = \"data\"\n[database]\nurl = \"{url}\"\n\
             [factory]\nscript = \"more/rows.sql\"\n[tables]\nclear = \"all\"\n\
             [service]\nstop = [\"scripts/stop.sh\"]\n\
             start = [\"sh\", \"scripts/start.sh\", \"--file=scripts/option.sh\"]\n"
        ),
    );
    symlink(
        "conf/factory-reset.toml",
        bench.path().join("factory-reset.toml"),
    )
    .unwrap();
    for path in [
        "conf",
        "conf/factory-reset.toml",
        "more",
        "more/rows.sql",
        "scripts",
        "scripts/stop.sh",
        "scripts/start.sh",
        "scripts/option.sh",
    ] {
        must_be_of_root(&bench, path);
    }
    Sample::sqlite_at(&bench, "more/pristine.db", &SQLITE[..1]).await;
    bench.edit_at("conf/factory-reset.toml", |text| {
        text.replace(
            "script = \"more/rows.sql\"",
            "database = \"more/pristine.db\"",
        )
    });
    must_be_of_root(&bench, "more/pristine.db");
}

#[test]
fn a_link_that_another_user_can_replace_is_refused() {
    let bench = Bench::of(NOBODY);
    let text = format!("name = \"shop\"\ndata_dir = \"../data\"\n{PATHS}");
    bench.write("real.toml", text);
    let open = bench.path().join("open");
    fs::create_dir(&open).unwrap();
    let link = open.join("factory-reset.toml");
    symlink("../real.toml", &link).unwrap();
    let command = ["--manifest", "open/factory-reset.toml", "preview"];
    bench.done(&command);
    // In a sticky directory its owner can replace it, and nobody else.
    set_mode(&open, 0o1777);
    bench.done(&command);
    std::os::unix::fs::lchown(&link, Some(NOBODY), None).unwrap();
    refused(&bench, &command, "chown -h root");
    std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
    set_mode(&open, 0o777);
    refused(&bench, &command, "chmod go-w");
}

#[test]
fn a_manifest_in_the_directory_of_another_user_runs_no_command() {
    let bench = Bench::of(NOBODY);
    bench.write("data/uploads/one.jpg", "one");
    give(&bench.data(), NOBODY);
    bench.write(
        "data/factory-reset.toml",
        format!(
            "name = \"shop\"\ndata_dir = \".\"\n{PATHS}[service]\nstop = [\"true\"]\n\
             start = [\"touch\", \"{}\"]\n",
            bench.path().join("pwned").display()
        ),
    );
    bench.as_user(
        NOBODY,
        "mkdir .factory-reset; touch .factory-reset/service-stopped",
    );
    for command in [&["preview"][..], &RUN, &["recover"]] {
        let command = [&["--manifest", "data/factory-reset.toml"], command].concat();
        refused(&bench, &command, "chown root");
        refused(
            &bench,
            &[&["--as-root"], &command[..]].concat(),
            "chown root",
        );
    }
    assert!(!bench.has("pwned"));
    assert!(bench.has("data/uploads/one.jpg"));
}

#[test]
fn a_manifest_is_a_regular_file_of_bounded_size() {
    let bench = Bench::new();
    let fifo = bench.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    bench.write("large", vec![b'#'; (1 << 20) + 1]);
    for (path, says) in [
        (&*fifo, "not a regular file"),
        (Path::new("/dev/zero"), "not a regular file"),
        (bench.path(), "not a regular file"),
        (&bench.path().join("large"), "more than 1048576 bytes"),
    ] {
        let ran = bench.run(&["--manifest", path.to_str().unwrap(), "preview"]);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.error().contains(says), "{path:?}: {ran:?}");
    }
}
