//! Root on a service that belongs to another user. These tests have to run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use walkdir::WalkDir;

use crate::host::Host;

/// The user and the group `nobody`, as Debian numbers them.
const NOBODY: u32 = 65534;

fn owners(directory: &Path) -> Vec<u32> {
    let entries = WalkDir::new(directory).into_iter();
    let owners = entries.map(|entry| entry.unwrap().metadata().unwrap().uid());
    let mut owners: Vec<_> = owners.collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

#[test]
fn root_resets_as_the_owner_of_the_data_and_serves_nothing_of_his() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("data");
    Host::at(&data).demo().start().stop();
    fs::set_permissions(around.path(), Permissions::from_mode(0o755)).unwrap();
    for entry in WalkDir::new(&data) {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let host = Host::at(&data);
    for command in [
        &["run", "--confirm", "stories", "--backup", "before"][..],
        &["restore", "before", "--confirm", "stories"],
    ] {
        let output = host.reset(command);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        assert_eq!(owners(&data), [NOBODY]);
    }
    let error = host.fails();
    assert!(error.contains("start it as `nobody`"), "{error}");
    assert_eq!(owners(&data), [NOBODY]);
}
