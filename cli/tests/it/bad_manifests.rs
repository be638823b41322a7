//! What is wrong is said in one line, and nothing is changed.

use std::fs;

use crate::bench::Bench;
use crate::sample::{POSTGRES, SQLITE, Sample, assert_same};

const GOOD: &str = "name = \"shop\"
data_dir = \"data\"
backups = \"backups\"
[database]
url = \"sqlite:data/shop.db\"
[factory]
none = true
[tables]
clear = [\"reviews\", \"reviews_index\"]
preserve = { settings = \"set up once\" }
[paths]
clear = [\"uploads\"]
preserve = { \"licence.key\" = \"paid for\" }
";

/// What to replace in the good one, by what; the exit code, and what the error says.
const BAD: &[(&str, &str, i32, &[&str])] = &[
    (
        "name = \"shop\"",
        "name = shop",
        2,
        &["factory-reset.toml, line 1: "],
    ),
    ("name = \"shop\"", "", 2, &["missing field `name`"]),
    ("name = \"shop\"", "name = \" \"", 2, &["`name`", "empty"]),
    (
        "clear = [\"uploads\"]",
        "claer = []",
        2,
        &["line 12: `paths`: unknown field `claer`", "`clear`"],
    ),
    (
        "[tables]",
        "[tabels]",
        2,
        &["line 8: unknown field `tabels`", "`tables`"],
    ),
    (
        "[\"reviews\", \"reviews_index\"]",
        "\"every\"",
        2,
        &["line 9", "\"every\"", "\"all\""],
    ),
    (
        "[\"reviews\", \"reviews_index\"]",
        "3",
        2,
        &["line 9", "`3`", "a list of tables"],
    ),
    (
        "\"reviews\",",
        "\"reveiws\",",
        2,
        &["`tables.clear`", "`reveiws`", "did you mean `reviews`?"],
    ),
    (
        "\"reviews\",",
        "\"settings\",",
        2,
        &["`tables.clear`", "`settings` is preserved too"],
    ),
    (
        "\"reviews\",",
        "\"Reviews_Index\",",
        2,
        &["`tables.clear`", "twice"],
    ),
    (
        "{ settings",
        "{ setings",
        2,
        &["`tables.preserve`", "did you mean `settings`?"],
    ),
    (
        "\"reviews\"",
        "\"zzz\"",
        2,
        &["there is no table `zzz`", "`orders`"],
    ),
    (
        "\"uploads\"",
        "\"../other\"",
        2,
        &["`paths.clear`", "`../other`", "without `..`"],
    ),
    (
        "\"uploads\"",
        "\"/etc\"",
        2,
        &["`paths.clear`", "`/etc`", "relative"],
    ),
    (
        "\"uploads\"",
        "\".factory-reset\"",
        2,
        &["`paths.clear`", "`.factory-reset`"],
    ),
    (
        "\"uploads\"",
        "\"licence.key\"",
        2,
        &["`paths.preserve`", "overlap"],
    ),
    (
        "\"uploads\"",
        "\"backups/old\"",
        2,
        &["`backups`", "overlap"],
    ),
    (
        "\"uploads\"",
        "\"shop.db-wal\"",
        2,
        &["`database.url`", "`shop.db-wal`", "overlap"],
    ),
    ("none = true", "", 2, &["`factory`", "`none = true`"]),
    (
        "none = true",
        "none = true\nscript = \"x\"",
        2,
        &["`factory`", "one of"],
    ),
    (
        "none = true",
        "script = \"missing.sql\"",
        2,
        &["`factory.script`", "missing.sql"],
    ),
    (
        "none = true",
        "script = \"bad.sql\"",
        2,
        &["`factory.script`", "no such table: unknown"],
    ),
    (
        "none = true",
        "database = \"missing.db\"",
        2,
        &["`factory.database`", "missing.db"],
    ),
    (
        "none = true",
        "database = \"data/shop.db\"",
        2,
        &["`factory.database`", "itself"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"nowhere\"",
        5,
        &["`data_dir`", "nowhere", "correct the path"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"data/licence.key\"",
        5,
        &["`data_dir`", "not a directory"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"${NO_SUCH_VARIABLE}\"",
        2,
        &["`data_dir`", "`NO_SUCH_VARIABLE`"],
    ),
    (
        "data/shop.db",
        "data/shpo.db",
        5,
        &["`database.url`", "shpo.db", "correct the path"],
    ),
    (
        "data/shop.db",
        "data",
        5,
        &["`database.url`", "is not a file"],
    ),
    (
        "data/shop.db",
        "text.db",
        5,
        &["`database.url`", "text.db", "not a database"],
    ),
    (
        "sqlite:data/shop.db",
        "mysql://user:hush@host/x",
        2,
        &["`database.url`", "`mysql…`", "sqlite:"],
    ),
    (
        "sqlite:data/shop.db",
        "postgres://user:hush@127.0.0.1:1/x",
        5,
        &["`database.url`", "user@127.0.0.1:1/x", "start the server"],
    ),
    (
        "url = \"sqlite:data/shop.db\"",
        "",
        2,
        &["`database`", "`url`", "`url_env`"],
    ),
    (
        "url = \"sqlite:data/shop.db\"",
        "url_env = \"NO_SUCH_VARIABLE\"",
        2,
        &["`database.url_env`", "`NO_SUCH_VARIABLE`"],
    ),
    (
        "[paths]",
        "[service]\nstop = []\nstart = [\"x\"]\n[paths]",
        2,
        &["`service.stop`", "names no program"],
    ),
    (
        "[paths]",
        "[service]\nstop = [\"x\"]\n[paths]",
        2,
        &["missing field `start`"],
    ),
    (
        "[paths]",
        "[redis]\nurl = \"redis://127.0.0.1/\"\nprefix = \"\"\n[paths]",
        2,
        &["`redis.prefix`", "empty"],
    ),
    (
        "[paths]",
        "[redis]\nurl = \"http://127.0.0.1/\"\nprefix = \"x:\"\n[paths]",
        2,
        &["`redis.url`", "redis://"],
    ),
    (
        "data_dir",
        "confirmation = \"\"\ndata_dir",
        2,
        &["`confirmation`", "empty"],
    ),
    (
        "clear = [\"uploads\"]",
        "clear_contents = [\"config.ini\"]",
        2,
        &[
            "`paths.clear_contents`",
            "`config.ini` is a file: name it in `paths.clear`",
        ],
    ),
    (
        "none = true",
        "database = \"empty.db\"",
        2,
        &["`factory.database`", "has no tables"],
    ),
    (
        "none = true",
        "database = \"postgres://user:hush@127.0.0.1:1/x\"",
        2,
        &["`factory.database`", "name a file"],
    ),
    (
        "none = true",
        "database = \":memory:\"",
        2,
        &["`factory.database`", "name a file"],
    ),
    (
        "sqlite:data/shop.db",
        "sqlite::memory:",
        2,
        &[
            "`database.url`",
            "`sqlite::memory:` is no file",
            "`sqlite:path/to/file`",
        ],
    ),
    (
        "backups = \"backups\"",
        "backups = \"config.ini\"",
        2,
        &["`backups`", "`config.ini` is a file: name a directory"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"/\"",
        2,
        &["`data_dir`", "root of the file system"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"\"",
        2,
        &["`data_dir`", "empty", "name the directory"],
    ),
    (
        "\"uploads\"",
        "\"up\\u0000loads\"",
        2,
        &["`paths.clear`", "NUL"],
    ),
    (
        "data_dir = \"data\"",
        "data_dir = \"da\\u0000ta\"",
        2,
        &["`data_dir`", "NUL"],
    ),
    (
        "name = \"shop\"",
        "name = 5",
        2,
        &["line 1: `name`: invalid type: integer `5`, expected a string"],
    ),
    (
        "[factory]",
        "timeout = -5\n[factory]",
        2,
        &[
            "line 6: `database.timeout`",
            "`-5`, expected a number of seconds",
        ],
    ),
    (
        "[\"uploads\"]",
        "\"uploads\"",
        2,
        &["line 12: `paths.clear`", "\"uploads\", expected a list"],
    ),
    (
        "\"set up once\"",
        "\"\"",
        2,
        &[
            "`tables.preserve`",
            "`settings` has no reason: say why it stays",
        ],
    ),
    (
        "\"paid for\"",
        "\" \"",
        2,
        &["`paths.preserve`", "`licence.key` has no reason"],
    ),
    (
        "none = true",
        "script = \"data/uploads/rows.sql\"",
        2,
        &[
            "`paths.clear`",
            "`uploads` holds `uploads/rows.sql`",
            "has to stay",
        ],
    ),
    (
        "[paths]",
        "[service]\nstop = [\"data/uploads/rows.sql\"]\nstart = [\"x\"]\n[paths]",
        2,
        &["`paths.clear`", "`uploads/rows.sql`, which stops or starts"],
    ),
];

#[tokio::test]
async fn a_bad_manifest_is_one_line_and_changes_nothing() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    bench.write("data/uploads/one.jpg", "one");
    bench.write("data/uploads/rows.sql", "INSERT INTO unused VALUES (4);");
    bench.write("data/licence.key", "paid");
    bench.write("data/config.ini", "x = 1");
    bench.write("empty.db", "");
    bench.write("text.db", "no database ".repeat(100));
    bench.write("bad.sql", "INSERT INTO unknown VALUES (1)");
    let before = sample.dump().await;
    let names = || {
        let entries = fs::read_dir(bench.path()).unwrap();
        let entries = entries.chain(fs::read_dir(bench.data()).unwrap());
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    bench.write("factory-reset.toml", GOOD);
    let there = names();
    for (part, by, exit, says) in BAD {
        assert!(GOOD.contains(part), "{part}");
        bench.write("factory-reset.toml", GOOD.replacen(part, by, 1));
        for command in [
            &["preview"][..],
            &["check"],
            &["run", "--confirm", "RESET SHOP"],
        ] {
            let ran = bench.run(command);
            assert_eq!(ran.exit, *exit, "{by}: {ran:?}");
            let error = ran.error();
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
            for part in *says {
                assert!(error.contains(part), "{by}: {part}: {error}");
            }
            assert!(!error.contains("hush"), "{error}");
        }
        assert_eq!(names(), there, "{by}");
    }
    let told = bench.run(&["--json", "check"]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["success"], false, "{told}");
    assert!(told["error"].as_str().unwrap().contains("has to stay"));
    assert_same(&sample.dump().await, &before);
    let made = "SELECT count(*) FROM sqlite_schema WHERE name = '_factory_reset'";
    assert_eq!(sample.number(made).await, 0);
    bench.write("factory-reset.toml", GOOD);
    bench.done(&["preview"]);
}

#[tokio::test]
async fn what_is_refused_is_one_line_and_changes_nothing() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    bench.write(
        "factory-reset.toml",
        GOOD.replace("[\"reviews\", \"reviews_index\"]", "\"all\""),
    );
    bench.write("data/uploads/one.jpg", "one");
    let before = sample.dump().await;
    bench.done(&["backup", "there"]);
    for (command, exit, says) in [
        (&["run"][..], 3, "--confirm \"RESET SHOP\""),
        (
            &["run", "--confirm", "reset shop"],
            3,
            "incorrect confirmation phrase",
        ),
        (
            &["run", "--confirm", "RESET SHOP", "--step", "unknown"],
            2,
            "unknown",
        ),
        (
            &[
                "run",
                "--confirm",
                "RESET SHOP",
                "--only",
                "tables=customers",
            ],
            3,
            "`orders` refers to `customers`",
        ),
        (
            &["run", "--confirm", "RESET SHOP", "--if-unchanged", "0"],
            3,
            "has changed",
        ),
        (&["backup", "there"], 3, "there is a backup `there` already"),
        (
            &["restore", "missing", "--confirm", "RESET SHOP"],
            2,
            "there is no backup `missing`",
        ),
        (&["--manifest", "other.toml", "preview"], 2, "other.toml"),
        (&["init", "--data-dir", "data"], 3, "add `--force`"),
        (&["init", "--data-dir", "nowhere", "--force"], 5, "nowhere"),
        (
            &[
                "init",
                "--data-dir",
                "data",
                "--database",
                "sqlite:missing.db",
                "--force",
            ],
            5,
            "missing.db",
        ),
        (
            &["--url", "http://127.0.0.1:1/api/reset", "preview"],
            5,
            "127.0.0.1:1",
        ),
    ] {
        let ran = bench.run(command);
        assert_eq!(ran.exit, exit, "{command:?}: {ran:?}");
        assert!(ran.error().contains(says), "{says}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
    assert_eq!(bench.run(&["rnu"]).exit, 2);
    assert_same(&sample.dump().await, &before);
    assert!(bench.has("data/uploads/one.jpg"));
    let dry = bench.done(&["run", "--dry-run"]);
    assert!(dry.stderr.contains("nothing was changed"), "{dry:?}");
    assert_same(&sample.dump().await, &before);
    let note = "note: make sure that shop is stopped";
    assert!(!dry.stderr.contains(note), "{dry:?}");
    for command in [&["run"][..], &["restore", "there"]] {
        let ran = bench.done(&[command, &["--confirm", "RESET SHOP"]].concat());
        assert_eq!(ran.stderr.matches(note).count(), 1, "{ran:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let bench = Bench::new();
    // Nobody can make anything there, root included.
    bench.write(
        "factory-reset.toml",
        "name = \"x\"\ndata_dir = \"/sys/kernel\"\n",
    );
    let ran = bench.run(&["preview"]);
    assert_eq!(ran.exit, 5, "{ran:?}");
    assert!(ran.error().contains("/sys/kernel"), "{ran:?}");
}

#[tokio::test]
async fn a_pristine_database_on_a_server_is_told_by_its_address() {
    let bench = Bench::new();
    let sample = Sample::postgres(&POSTGRES).await;
    for (pristine, exit, says) in [
        (
            "postgres://user:hush@127.0.0.1:1/x",
            5,
            "user@127.0.0.1:1/x` cannot be reached",
        ),
        ("pristine.db", 2, "write `postgres://"),
    ] {
        let url = sample.url();
        bench.write(
            "factory-reset.toml",
            format!(
                "name = \"shop\"\ndata_dir = \"data\"\n[database]\nurl = \"{url}\"\n\
                 [factory]\ndatabase = \"{pristine}\"\n[tables]\nclear = \"all\"\n"
            ),
        );
        let ran = bench.run(&["check"]);
        assert_eq!(ran.exit, exit, "{ran:?}");
        assert!(ran.error().contains("`factory.database`"), "{ran:?}");
        assert!(ran.error().contains(says), "{ran:?}");
        assert!(!ran.stderr.contains("hush"), "{ran:?}");
    }
}

#[tokio::test]
async fn names_of_several_lines_are_told_in_one() {
    let bench = Bench::new();
    let parent = "CREATE TABLE \"new\nline\" (id INTEGER PRIMARY KEY);";
    let child = "CREATE TABLE child (id REFERENCES \"new\nline\" (id));";
    let sample = Sample::sqlite(&bench, &[parent, child]).await;
    let url = sample.url();
    let init = ["init", "--database", &url, "--data-dir", "data"];
    bench.done(&[&init[..], &["--claim-all"]].concat());
    let text = bench.read("factory-reset.toml");
    assert!(text.contains("refers to new\\nline"), "{text}");
    bench.done(&["check"]);
    bench.edit(|text| text.replace("\"child\"", "\"chidl\""));
    for command in ["check", "preview"] {
        let ran = bench.run(&[command]);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.error().contains("`new\\nline`"), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

#[tokio::test]
async fn references_that_would_break_are_told_by_check() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let before = sample.dump().await;
    let tables = |names: &str| GOOD.replace("\"reviews\", \"reviews_index\"", names);
    bench.write("factory-reset.toml", tables("\"customers\""));
    let ran = bench.run(&["check"]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.error().contains("`tables.clear`"), "{ran:?}");
    assert!(
        ran.error().contains("`orders` refers to `customers`"),
        "{ran:?}"
    );
    assert_same(&sample.dump().await, &before);
}
