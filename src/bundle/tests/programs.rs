//! What other programs make of a bundle. They have to be there: `tar`, `zstd`, `sha256sum`.

use std::process::Command;

use super::*;

fn run(directory: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("this test needs `{program}`: install it ({error})"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    assert_eq!(errors, "", "{program} {arguments:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tar_and_sha256sum_agree() {
    let fixture = Fixture::new();
    let media = fixture.directory.path().join("media");
    fs::create_dir(&media).unwrap();
    fs::write(media.join("n".repeat(200)), "long").unwrap();
    fs::write(media.join("back\\slash\nline"), "odd").unwrap();
    fs::write(media.join(std::ffi::OsStr::from_bytes(b"\xff")), "bytes").unwrap();
    fixture.save_sample("one");
    let backups = fixture.directory.path().join("backups");
    run(
        &backups,
        "sha256sum",
        &["--strict", "-c", "one.tar.zst.sha256"],
    );
    run(&backups, "zstd", &["-q", "-t", "one.tar.zst"]);
    let listed = run(&backups, "tar", &["--zstd", "-tf", "one.tar.zst"]);
    let listed: Vec<_> = listed.lines().collect();
    assert_eq!(listed[..2], ["manifest.json", "SHA256SUMS"]);
    assert_eq!(listed.len(), 2 + 9);

    let out = fixture.targets.path();
    let bundle = backups.join("one.tar.zst");
    run(out, "tar", &["--zstd", "-xpf", bundle.to_str().unwrap()]);
    let checked = run(out, "sha256sum", &["--strict", "-c", "SHA256SUMS"]);
    assert_eq!(checked.lines().count(), 1 + 7);
    assert_eq!(
        snapshot(&out.join("steps/media/files/media")),
        snapshot(&media)
    );
    let sums = fs::read(out.join("SHA256SUMS")).unwrap();
    let sums = String::from_utf8_lossy(&sums);
    let order: Vec<_> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    let files = listed
        .iter()
        .filter(|name| !name.ends_with('/') && **name != "SHA256SUMS");
    let files: Vec<_> = files
        .map(|name| name.replace("\\377", "\u{fffd}"))
        .collect();
    assert_eq!(order.len(), files.len());
    assert_eq!(order[0], files[0]);
    assert_eq!(order[1], files[1]);
}
