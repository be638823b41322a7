//! Root on a bot that belongs to another user. These tests have to run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use walkdir::WalkDir;

use crate::command::{reset, told};
use crate::command_line::Bot;
use crate::server::Server;

/// The user and the group `nobody`, as Debian numbers them.
const NOBODY: u32 = 65534;

/// Lets everybody search the directory around `directory`, and gives that to `nobody`.
fn give(directory: &Path) {
    fs::set_permissions(directory.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    for entry in WalkDir::new(directory) {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn owners(directory: &Path) -> Vec<u32> {
    let entries = WalkDir::new(directory).into_iter();
    let owners = entries.map(|entry| entry.unwrap().metadata().unwrap().uid());
    let mut owners: Vec<_> = owners.collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}

#[test]
fn a_reset_by_root_is_made_as_the_owner_of_the_data() {
    let bot = Bot::new();
    give(&bot.directory);
    let run = ["run", "--confirm", "RESET TUITBOT", "--backup", "before"];
    told(&mut reset(&bot.directory), &run).succeeds();
    let restore = ["restore", "before", "--confirm", "RESET TUITBOT"];
    told(&mut reset(&bot.directory), &restore).succeeds();
    assert_eq!(owners(&bot.directory), [NOBODY]);
    let told = told(&mut reset(&bot.directory), &["preview", "--as-root"]);
    told.succeeds();
    assert!(told.err.contains("warning: --as-root"), "{told:?}");
}

#[test]
fn a_database_of_another_user_is_refused_by_name() {
    let bot = Bot::new();
    give(&bot.directory);
    let database = bot.directory.join("tuitbot.db");
    let other = bot.directory.with_file_name("other.db");
    fs::rename(&database, &other).unwrap();
    chown(&other, Some(0), Some(0)).unwrap();
    std::os::unix::fs::symlink(&other, &database).unwrap();
    for command in [&["preview"][..], &["recover", "--dry-run"]] {
        let told = told(&mut reset(&bot.directory), command);
        told.fails(3, other.to_str().unwrap());
    }
}

#[test]
fn a_server_of_root_does_not_start_on_the_data_of_another_user() {
    let bot = Bot::new();
    give(&bot.directory);
    let output = Server::command(&bot.directory, &[]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("start it as `nobody`"), "{error}");
    assert_eq!(owners(&bot.directory), [NOBODY]);
}
