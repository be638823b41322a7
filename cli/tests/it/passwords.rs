//! No message, no JSON and no log line repeats a password, wherever it is in an address and
//! wherever the address is.

use std::process::Command;

use crate::bench::{Bench, Ran};
use crate::sample::{SQLITE, Sample};

const SECRET: &str = "hunter2secret";

/// Addresses as people write them, right and wrong. `SECRET` is replaced.
const ADDRESSES: &[&str] = &[
    "SECRET",
    "user:SECRET@host/db",
    "postgres:user:SECRET@127.0.0.1:1/db",
    "postgres:/user:SECRET@127.0.0.1:1/db",
    "postgres:///user:SECRET@127.0.0.1:1/db",
    "postgres:////user:SECRET@127.0.0.1:1/db",
    "postgresql:user:SECRET@127.0.0.1:1/db",
    "postgres:user:SECRET%40127.0.0.1/db",
    "postgres://user:SECRET@127.0.0.1:1/db",
    "postgres://user:SECRET@127.0.0.1:1:2/db",
    "postgres://user:SECRET@/db",
    "postgres://user:SECRET:1/db",
    "postgres://user:12/SECRET@127.0.0.1:1/db",
    "postgres://user:SECRET/x@127.0.0.1:1/db",
    "postgres://user:SECRET#x@127.0.0.1:1/db",
    "postgres://user:12#SECRET@127.0.0.1:1/db",
    "postgres://user@SECRET@127.0.0.1:1/db",
    "postgres://user%3ASECRET@127.0.0.1:1/db",
    "postgres://127.0.0.1:1/db?password=SECRET",
    "postgres://127.0.0.1:1/db?pasword=SECRET",
    "postgres://127.0.0.1:1/db?SECRET",
    "postgres://127.0.0.1:1/db?sslmode=SECRET",
    "postgres//user:SECRET@host/db",
    "postgres:\\\\user:SECRET@host/db",
    " postgres://user:SECRET@host/db",
    "POSTGRES://user:SECRET@host/db",
    "mysql://user:SECRET@host/db",
    "mysql:user:SECRET@host/db",
    "sqlite:user:SECRET@host/db",
    "sqlite://user:SECRET@host/db",
    "sqlite:x.db?mode=SECRET",
    "sqlite:x.db?SECRET",
    "sqlite::memory:?cache=SECRET",
    "redis:user:SECRET@127.0.0.1:1",
    "redis:SECRET@127.0.0.1:1",
    "redis:/user:SECRET@127.0.0.1:1",
    "redis:///user:SECRET@127.0.0.1:1",
    "redis://:SECRET@127.0.0.1:1/",
    "redis://user:SECRET@127.0.0.1:1/0",
    "redis://user:SECRET@/0",
    "redis://127.0.0.1:1/SECRET",
    "rediss://:SECRET@127.0.0.1:1/",
    "redis+unix:///nowhere?pass=SECRET",
    "http:user:SECRET@127.0.0.1:1/reset",
    "http:/user:SECRET@127.0.0.1:1/reset",
    "http://user:SECRET@127.0.0.1:1/reset",
    "http://SECRET@127.0.0.1:1/reset",
    "http://user:SECRET@/reset",
    "http://user:SECRET/reset",
    "http://127.0.0.1:1/SECRET@host/reset",
    "http://127.0.0.1:1/SECRET%40host/reset",
    "http://127.0.0.1:1/reset?token=SECRET",
    "http://127.0.0.1:1/reset#SECRET",
    "https://user:SECRET@127.0.0.1:1/reset",
    "ftp://user:SECRET@host/reset",
    "//user:SECRET@host/reset",
];

fn addresses() -> impl Iterator<Item = String> {
    ADDRESSES.iter().map(|it| it.replace("SECRET", SECRET))
}

/// Runs `command` with all of its log, in which the secret must not be.
fn keeps_quiet(mut command: Command, place: &str, address: &str) {
    let command = command.env("RUST_LOG", "trace").env("NO_COLOR", "1");
    let ran = Ran::of(&command.output().unwrap());
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(SECRET), "{place}: {address}: {text}");
    }
    assert!(
        !ran.stderr.contains("panicked"),
        "{place}: {address}: {ran:?}"
    );
}

#[tokio::test]
async fn no_message_about_a_manifest_repeats_a_password() {
    let bench = Bench::new();
    Sample::sqlite(&bench, &SQLITE).await;
    let service = "name = \"shop\"\ndata_dir = \"data\"\n";
    let database = format!("{service}[database]\nurl = \"sqlite:data/shop.db\"\n");
    for address in addresses() {
        // Text that TOML understands in the same way.
        let quoted = format!("{address:?}");
        let mut places = vec![
            (
                "database.url",
                format!("{service}[database]\nurl = {quoted}\n"),
            ),
            (
                "url_env",
                format!("{service}[database]\nurl_env = \"ADDRESS\"\n"),
            ),
            (
                "${…}",
                format!("{service}[database]\nurl = \"${{ADDRESS}}\"\n"),
            ),
            (
                "redis.url",
                format!("{service}[redis]\nurl = {quoted}\nprefix = \"x:\"\n"),
            ),
        ];
        // Anything else can be the name of a file.
        if address.contains('@') || address.starts_with("postgres://") {
            let all = "[tables]\nclear = \"all\"\n";
            places.extend([
                (
                    "factory.database",
                    format!("{database}[factory]\ndatabase = {quoted}\n{all}"),
                ),
                ("database", format!("database = {quoted}\n{service}")),
                ("timeout", format!("{database}timeout = {quoted}\n")),
                (
                    "tables.clear",
                    format!("{database}[tables]\nclear = {quoted}\n"),
                ),
                (
                    "unquoted",
                    format!("{service}[database]\nurl = {address}\n"),
                ),
                ("key", format!("{service}[database]\n{quoted} = 1\n")),
            ]);
        }
        for (place, manifest) in places {
            bench.write("factory-reset.toml", manifest);
            for arguments in [&["check"][..], &["--json", "preview"]] {
                let mut command = bench.command(arguments);
                command.env("ADDRESS", &address);
                keeps_quiet(command, place, &address);
            }
        }
    }
}

#[test]
fn no_message_about_an_argument_repeats_a_password() {
    let bench = Bench::new();
    for address in addresses() {
        let data_dir = ["init", "--data-dir", "data", "--output", "-"];
        let mut command = bench.command(&[&data_dir[..], &["--database-env", "ADDRESS"]].concat());
        command.env("ADDRESS", &address);
        keeps_quiet(command, "--database-env", &address);
        let command = bench.command(&[&data_dir[..], &["--database", &address]].concat());
        keeps_quiet(command, "--database", &address);
        for arguments in [&["options"][..], &["--json", "history"]] {
            let command = bench.command(&[&["--url", &address], arguments].concat());
            keeps_quiet(command, "--url", &address);
        }
        let command = bench.command(&[
            "--url",
            "http://127.0.0.1:1/",
            "--token",
            &address,
            "options",
        ]);
        keeps_quiet(command, "--token", &address);
    }
}
