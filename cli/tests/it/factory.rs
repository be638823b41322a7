//! Where the rows of a fresh install come from.

use crate::bench::Bench;
use crate::sample::{POSTGRES, SQLITE, Sample, assert_same};

/// What a fresh install of the shop holds beside its schema.
const FRESH: &str = "
    INSERT INTO customers (id, email) VALUES (3, 'house@example.org');
    INSERT INTO unused VALUES (4);
    INSERT INTO log VALUES (NULL, 'installed');
";

fn manifest(bench: &Bench, sample: &Sample, factory: &str) {
    let url = sample.url();
    bench.write(
        "factory-reset.toml",
        format!(
            "name = \"shop\"\ndata_dir = \"data\"\n[database]\nurl = \"{url}\"\n\
             [tables]\nclear = \"all\"\n[factory]\n{factory}\n"
        ),
    );
}

#[tokio::test]
async fn sqlite_rows_come_from_a_pristine_database() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let pristine = Sample::sqlite_at(&bench, "pristine.db", &[SQLITE[0], FRESH]).await;
    manifest(&bench, &sample, "database = \"pristine.db\"");
    bench.done(&["run", "--confirm", "RESET SHOP"]);
    assert_same(&sample.dump().await, &pristine.dump().await);
}

#[tokio::test]
async fn sqlite_rows_come_from_a_script_that_makes_the_whole() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let pristine = Sample::sqlite_at(&bench, "pristine.db", &[SQLITE[0], FRESH]).await;
    bench.write("sql/factory.sql", [SQLITE[0], FRESH].concat());
    manifest(&bench, &sample, "script = \"sql/factory.sql\"");
    bench.done(&["run", "--confirm", "RESET SHOP"]);
    assert_same(&sample.dump().await, &pristine.dump().await);
}

#[tokio::test]
async fn postgres_rows_come_from_a_pristine_database() {
    let bench = Bench::new();
    let sample = Sample::postgres(&POSTGRES).await;
    let pristine = Sample::postgres(&[POSTGRES[0], FRESH]).await;
    manifest(
        &bench,
        &sample,
        &format!("database = \"{}\"", pristine.url()),
    );
    bench.done(&["run", "--confirm", "RESET SHOP"]);
    assert_same(&sample.dump().await, &pristine.dump().await);
}

#[tokio::test]
async fn postgres_rows_come_from_what_pg_dump_has_written() {
    let pristine = Sample::postgres(&[POSTGRES[0], FRESH]).await;
    for arguments in [&[][..], &["--inserts"]] {
        let bench = Bench::new();
        let sample = Sample::postgres(&POSTGRES).await;
        let mut dump = std::process::Command::new("pg_dump");
        let dump = dump.args(arguments).arg(pristine.url()).output().unwrap();
        bench.write("factory.sql", dump.stdout);
        manifest(&bench, &sample, "script = \"factory.sql\"");
        bench.done(&["run", "--confirm", "RESET SHOP"]);
        assert_same(&sample.dump().await, &pristine.dump().await);
    }
}

#[tokio::test]
async fn a_script_that_only_fills_tables_needs_no_tables_of_its_own() {
    let bench = Bench::new();
    let sqlite = Sample::sqlite(&bench, &SQLITE).await;
    let postgres = Sample::postgres(&POSTGRES).await;
    bench.write("fill.sql", FRESH);
    for sample in [&sqlite, &postgres] {
        manifest(&bench, sample, "script = \"fill.sql\"");
        bench.done(&["run", "--confirm", "RESET SHOP"]);
        for (rows, expected) in [
            ("customers", 1),
            ("unused", 1),
            ("orders", 0),
            ("settings", 0),
        ] {
            let count = sample.number(&format!("SELECT count(*) FROM {rows}")).await;
            assert_eq!(count, expected, "{rows}");
        }
        std::fs::remove_dir_all(bench.data().join(".factory-reset")).unwrap();
    }
}

#[tokio::test]
async fn a_table_that_a_fresh_install_lacks_is_never_cleared() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    bench.write("factory.sql", SQLITE[0]);
    sample
        .run("CREATE TABLE newer (x); INSERT INTO newer VALUES (1)")
        .await;
    manifest(&bench, &sample, "script = \"factory.sql\"");
    let checked = bench.done(&["check"]).stdout;
    assert!(
        checked.contains("no tables of a fresh install: `newer`\n"),
        "{checked}"
    );
    let checked = bench.json(&["check"]);
    assert_eq!(checked["success"], true, "{checked}");
    assert_eq!(checked["left_out"], serde_json::json!(["newer"]));
    let report = bench.json(&["run", "--confirm", "RESET SHOP"]);
    assert_eq!(report["report"]["unclaimed"][0]["name"], "newer");
    assert_eq!(sample.number("SELECT count(*) FROM newer").await, 1);
    bench.edit(|manifest| manifest.replace("\"all\"", "[\"newer\"]"));
    let ran = bench.run(&["run", "--confirm", "RESET SHOP"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(
        ran.error()
            .contains("`newer` is no table of a fresh install"),
        "{ran:?}"
    );
    assert_eq!(sample.number("SELECT count(*) FROM newer").await, 1);
}
