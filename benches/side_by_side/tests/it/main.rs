//! The bench does not rot: those of its contests that need nothing but this program and `du` are
//! run, and each fails by itself when something is left that was to go, or gone that was to stay.

use std::process::Command;

#[test]
fn every_host_of_the_bench_is_reset() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("page");
    let output = Command::new(env!("CARGO_BIN_EXE_side-by-side"))
        .args(["--rows", "1k,2k", "--files", "300", "--rounds", "1"])
        .args(["--only", "preview,survey,memory", "--directory"])
        .arg(directory.path())
        .arg("--output")
        .arg(&page)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let shown = std::fs::read_to_string(page.join("README.md")).unwrap();
    for line in [
        "| 1k | bare counts |",
        "| preview of 30 tables, linked tables | 2k | bare counts |",
        "| 300 | du -s |",
        "| memory over the idle host",
    ] {
        assert!(shown.contains(line), "no `{line}` in\n{shown}");
    }
    let raw = std::fs::read_to_string(page.join("rounds.jsonl")).unwrap();
    assert_eq!(raw.lines().count(), 8, "{raw}");
    assert!(!directory.path().join("side-by-side").exists());
}
