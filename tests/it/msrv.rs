//! No dependency needs a newer compiler than the workspace says.

use std::process::Command;

use serde_json::Value;

/// What cargo knows of the workspace and of everything that it depends on.
fn metadata() -> Value {
    let run = |offline: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Command::new(cargo)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(offline)
            .output()
            .unwrap()
    };
    let mut output = run(&["--offline"]);
    if !output.status.success() {
        // Not every package for every platform has been downloaded.
        output = run(&[]);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `1.94` and `1.94.0` are the same version.
fn version(text: &str) -> [u64; 3] {
    let mut version = [0; 3];
    for (part, text) in version.iter_mut().zip(text.split('.')) {
        *part = text.parse().unwrap();
    }
    version
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_the_workspace_says() {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let (own, others): (Vec<_>, Vec<_>) = packages
        .iter()
        .partition(|package| members.contains(&package["id"]));
    assert!(own.len() > 1 && others.len() > 100, "{}", others.len());
    let promised = env!("CARGO_PKG_RUST_VERSION");
    for package in own {
        assert_eq!(package["rust_version"], promised, "{}", package["name"]);
    }
    let newer: Vec<_> = others
        .iter()
        .filter_map(|package| {
            let needed = package["rust_version"].as_str()?;
            let name = format!("{} {}", package["name"], package["version"]);
            (version(needed) > version(promised)).then(|| format!("{name} needs {needed}"))
        })
        .collect();
    assert!(newer.is_empty(), "promised {promised}, but {newer:#?}");
}
