//! A PostgreSQL database whose tables belong to another role.

use crate::bench::Bench;
use crate::sample::{POSTGRES, SQLITE, Sample, assert_same};

fn manifest(url: &str) -> String {
    format!(
        "name = \"shop\"\ndata_dir = \"data\"\nbackups = \"backups\"\n[database]\nurl = \"{url}\"\n\
         [factory]\nnone = true\n[tables]\nclear = \"all\"\n"
    )
}

#[tokio::test]
async fn a_superuser_is_refused_until_the_manifest_trusts_the_database() {
    let bench = Bench::new();
    let sample = Sample::postgres(&POSTGRES).await;
    let before = sample.dump().await;
    let url = sample.url().replace("creator@", "postgres@");
    bench.write("factory-reset.toml", manifest(&url));
    let confirm = ["--confirm", "RESET SHOP"];
    for command in [
        &["check"][..],
        &["preview"],
        &["backup", "one"],
        &["run", "--dry-run"],
        &[&["run"][..], &confirm].concat(),
    ] {
        let ran = bench.run(command);
        assert_ne!(ran.exit, 0, "{command:?}: {ran:?}");
        assert!(
            ran.error().contains("belongs to the role `creator`"),
            "{ran:?}"
        );
        assert!(ran.error().contains("connect as `creator`"), "{ran:?}");
        assert!(ran.error().contains("`trust_database`"), "{ran:?}");
    }
    let init = ["init", "--database", &url, "--data-dir", "data", "--force"];
    let ran = bench.run(&init);
    assert!(ran.stderr.contains("connect as `creator`"), "{ran:?}");
    assert_same(&sample.dump().await, &before);

    bench.write("factory-reset.toml", manifest(&url));
    bench.edit(|text| text.replace("[factory]", "trust_database = true\n[factory]"));
    bench.done(&["check"]);
    bench.done(&["preview"]);
    bench.done(&[&["run"][..], &confirm].concat());
    assert_eq!(sample.number("SELECT count(*) FROM customers").await, 0);
}

#[tokio::test]
async fn only_a_postgres_database_can_be_trusted() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    for value in ["true", "false"] {
        bench.write("factory-reset.toml", manifest(&sample.url()));
        let field = format!("trust_database = {value}\n[factory]");
        bench.edit(|text| text.replace("[factory]", &field));
        let ran = bench.run(&["check"]);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.error().contains("`database.trust_database`"), "{ran:?}");
        assert!(ran.error().contains("PostgreSQL alone"), "{ran:?}");
    }
}
