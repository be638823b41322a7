//! Databases that somebody has prepared for whoever opens them.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::bench::Bench;
use crate::sample::Sample;

const POSTS: &str =
    "CREATE TABLE posts (id INTEGER PRIMARY KEY); INSERT INTO posts VALUES (1), (2)";

fn manifest(bench: &Bench) {
    bench.write(
        "factory-reset.toml",
        "name = \"shop\"\ndata_dir = \"data\"\n[database]\nurl = \"sqlite:data/shop.db\"\ntimeout = 20\n\
         [tables]\nclear = \"all\"\n[factory]\nnone = true\n",
    );
}

#[tokio::test]
async fn views_that_double_each_other_cost_no_command_anything() {
    let bench = Bench::new();
    let mut views = format!("{POSTS}; CREATE VIEW v0 AS SELECT id FROM posts;");
    for view in 1..40 {
        let last = view - 1;
        views += &format!("CREATE VIEW v{view} AS SELECT a.id FROM v{last} AS a, v{last} AS b;");
    }
    Sample::sqlite(&bench, &[&views]).await;
    manifest(&bench);
    let preview = bench.json(&["preview"]);
    assert_eq!(preview["cleared"]["rows_deleted"], 2, "{preview}");
    bench.done(&["check"]);
    let init = [
        "init",
        "--database",
        "sqlite:data/shop.db",
        "--data-dir",
        "data",
        "--output",
    ];
    bench.done(&[&init[..], &["other.toml"]].concat());
    bench.done(&["run", "--confirm", "RESET SHOP"]);
}

#[tokio::test]
async fn a_journal_that_names_a_file_elsewhere_is_refused_by_every_command() {
    let bench = Bench::new();
    Sample::sqlite(&bench, &[POSTS]).await;
    manifest(&bench);
    bench.write("victim", "of somebody else");
    let victim = bench.path().join("victim");
    let name = victim.as_os_str().as_bytes();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut journal = magic.to_vec();
    journal.resize(512, 0);
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(
        name.iter()
            .map(|byte| u32::from(*byte))
            .sum::<u32>()
            .to_be_bytes(),
    );
    journal.extend(magic);
    bench.write("data/shop.db-journal", journal);
    let init = [
        "init",
        "--database",
        "sqlite:data/shop.db",
        "--data-dir",
        "data",
        "--output",
        "o",
    ];
    for command in [
        &["preview"][..],
        &["check"],
        &init,
        &["run", "--confirm", "RESET SHOP"],
    ] {
        let ran = bench.run(command);
        assert_ne!(ran.exit, 0, "{command:?}");
        let error = ran.error();
        assert!(
            error.contains("shop.db-journal`") && error.contains("victim`"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&victim).unwrap(), "of somebody else");
    }
}
