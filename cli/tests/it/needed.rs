//! What the next reset needs stays, also where it lies in the data directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bench::Bench;
use crate::sample::{SQLITE, Sample};

const MANIFEST: &str = "data/factory-reset.toml";

/// What a preview shows as preserved, with the reasons.
fn preserved(bench: &Bench) -> BTreeMap<String, String> {
    let preview = bench.json(&["--manifest", MANIFEST, "preview"]);
    let preserved = preview["preserved"].as_array().unwrap().iter();
    let text = |item: &serde_json::Value, field| item[field].as_str().unwrap().to_owned();
    preserved
        .map(|item| (text(item, "name"), text(item, "reason")))
        .collect()
}

#[tokio::test]
async fn a_manifest_in_the_data_directory_outlives_what_it_describes() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let url = sample.url();
    bench.write("data/uploads/one.jpg", "one");
    bench.write(MANIFEST, "an earlier one");
    bench.done(&[
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--name",
        "shop",
        "--output",
        MANIFEST,
        "--force",
        "--claim-all",
    ]);
    let text = bench.read(MANIFEST);
    assert!(!text.contains("\"factory-reset.toml\""), "{text}");
    assert!(text.contains("\"uploads\""), "{text}");
    let reason = &preserved(&bench)["factory-reset.toml"];
    assert_eq!(reason, "describes this service to factory-reset");
    for _ in 0..2 {
        bench.done(&["--manifest", MANIFEST, "run", "--confirm", "RESET SHOP"]);
        assert_eq!(bench.read(MANIFEST), text);
    }
    assert!(!bench.has("data/uploads"));
    // Elsewhere it is nothing of the data directory's.
    bench.write("factory-reset.toml", &text);
    let there = bench.json(&["preview"]);
    assert_eq!(
        there["unclaimed"][0]["name"], "factory-reset.toml",
        "{there}"
    );
}

#[tokio::test]
async fn what_a_manifest_needs_stays_and_nothing_else() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    fs::create_dir(bench.data().join("own")).unwrap();
    Sample::sqlite_at(&bench, "data/own/pristine.db", &SQLITE[..1]).await;
    for script in ["data/own/stop.sh", "data/own/start.sh"] {
        bench.write(script, "#!/bin/sh\n");
        let path = bench.path().join(script);
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    bench.write("data/service.pid", "7");
    let url = sample.url();
    bench.write(
        MANIFEST,
        format!(
            "name = \"shop\"\ndata_dir = \".\"\n[database]\nurl = \"{url}\"\n\
             [factory]\ndatabase = \"own/pristine.db\"\n[tables]\nclear = \"all\"\n\
             [service]\nstop = [\"./own/stop.sh\", \"service.pid\"]\n\
             start = [\"sh\", \"own/start.sh\", \"shop.db\"]\n\
             [paths]\nclear = [\"service.pid\"]\n"
        ),
    );
    let preserved = preserved(&bench);
    for path in [
        "factory-reset.toml",
        "own/pristine.db",
        "own/stop.sh",
        "own/start.sh",
    ] {
        assert!(preserved.contains_key(path), "{path}: {preserved:?}");
    }
    assert!(!preserved.contains_key("shop.db"), "{preserved:?}");
    let reset = ["--manifest", MANIFEST, "run", "--confirm", "RESET SHOP"];
    bench.done(&reset);
    assert!(!bench.has("data/service.pid"));
    bench.done(&reset);
    for path in ["factory-reset.toml", "own/pristine.db", "own/"] {
        bench.edit_at(MANIFEST, |text| {
            text.replace("[\"service.pid\"]\n", &format!("[\"{path}\"]\n"))
        });
        let ran = bench.run(&reset);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.error().contains("has to stay"), "{ran:?}");
        bench.edit_at(MANIFEST, |text| {
            text.replace(&format!("[\"{path}\"]\n"), "[\"service.pid\"]\n")
        });
    }
}
