//! Room for a reset on a full disk.
//!
//! A full disk is why people press reset, and a reset has to write a little before it frees
//! anything: its journal, and the database's log. A file of no use keeps that room, and goes
//! when a reset begins and there is no other.

use std::ffi::OsStr;

use rustix::fs::{AtFlags, fstatvfs, unlinkat};

use crate::data_directory::{DataDirectory, Entry, EntryKind, PathError};
use crate::error::chain;

const NAME: &str = "reserve";

/// How much room is kept, in bytes: the log of a reset of some hundred tables and indexes, a
/// page of 4 KiB each, with as much again for the journal and the history.
const SIZE: u64 = 4 * 1024 * 1024;

/// Makes the reserve, where there is none and the room is there. Blocks.
pub(crate) fn keep(data_directory: &DataDirectory) {
    // The last of the room is worth more to whoever needs it now.
    if is_there(data_directory) || free(data_directory) < SIZE + SIZE / 4 {
        return;
    }
    if let Err(error) = make(data_directory) {
        tracing::debug!(
            error = chain(&error),
            "no reserve is kept for a reset on a full disk"
        );
        release(data_directory);
    }
}

/// Gives the reserve up if there is no other room for a reset, as far as the file system
/// tells. Blocks.
pub(crate) fn give_up_if_full(data_directory: &DataDirectory) {
    if free(data_directory) < SIZE {
        give_up(data_directory);
    }
}

/// Gives the reserve up. Tells whether there was one. Blocks.
pub(crate) fn give_up(data_directory: &DataDirectory) -> bool {
    let is_there = is_there(data_directory);
    if is_there {
        tracing::warn!("the disk is all but full: the reserve is given up");
        release(data_directory);
    }
    is_there
}

/// Why a reset would be dangerous now: SQLite keeps the index of its log in pages of 4 KiB, and
/// puts one byte of each on the disk (`unixShmMap` in
/// <https://sqlite.org/src/file/src/os_unix.c>). Where blocks are smaller, the rest is a hole,
/// and writing to a hole on a full disk kills the process.
pub(crate) fn obstacle(data_directory: &DataDirectory) -> Option<String> {
    const PAGE: u64 = 4096;
    let status = fstatvfs(data_directory.own()).ok()?;
    let is_full = free(data_directory) < SIZE / 4 && !is_there(data_directory);
    (is_full && status.f_frsize < PAGE).then(|| {
        let room = SIZE / 4 / 1024 / 1024;
        format!("is on a full disk with blocks below 4 KiB: make {room} MiB of room first")
    })
}

/// A crash may have left one that keeps nothing.
fn is_there(data_directory: &DataDirectory) -> bool {
    let entry = Entry::look(data_directory.own(), OsStr::new(NAME));
    entry.is_ok_and(|entry| entry.kind == EntryKind::File && entry.bytes == SIZE)
}

fn release(data_directory: &DataDirectory) {
    // What cannot be removed is of no more use than before.
    let _ = unlinkat(data_directory.own(), NAME, AtFlags::empty());
}

/// Bytes that this process may still write.
fn free(data_directory: &DataDirectory) -> u64 {
    fstatvfs(data_directory.own()).map_or(u64::MAX, |status| {
        status.f_bavail.saturating_mul(status.f_frsize)
    })
}

#[cfg(target_os = "linux")]
fn make(data_directory: &DataDirectory) -> Result<(), PathError> {
    use rustix::fs::{FallocateFlags, fallocate};

    let file = data_directory.own().create(NAME)?;
    let made = fallocate(file, FallocateFlags::empty(), 0, SIZE);
    made.map_err(PathError::io(
        "make room in",
        data_directory.own().path_of(NAME),
    ))
}

#[cfg(not(target_os = "linux"))]
fn make(data_directory: &DataDirectory) -> Result<(), PathError> {
    let path = data_directory.own().path_of(NAME);
    Err(PathError::io("make room in", path)(
        rustix::io::Errno::NOTSUP,
    ))
}
