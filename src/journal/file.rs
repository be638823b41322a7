//! The files that the journal stands in.

use std::ffi::OsStr;
use std::sync::Arc;

use rustix::fs::{AtFlags, fsync, renameat, unlinkat};
use rustix::io::Errno;
use serde::Deserialize;

use super::error::JournalError;
use super::record::JournalRecord;
use crate::data_directory::{CheckedDirectory, DataDirectory, Entry, PathError};
use crate::task::blocking;

pub(super) const PREPARED: &str = "journal.prepared.json";
pub(super) const COMMITTED: &str = "journal.committed.json";
pub(super) const NEW: &str = "journal.new.json";
pub(super) const VERSION: u32 = 4;

/// How long the journal of a reset may be when it begins, in bytes: the items of some hundred
/// thousand tables and paths.
pub(super) const LONGEST_BEGUN: usize = 16 * 1024 * 1024;

/// How much of a journal is read, in bytes: more than that of any reset that began has grown to.
/// A longer one was not written by this crate, and would only fill the memory.
const LONGEST_READ: u64 = 64 * 1024 * 1024;

/// Replaces the file `name`, unless it would have more than `most` bytes.
pub(super) async fn write(
    data_directory: &Arc<DataDirectory>,
    name: &'static str,
    record: &JournalRecord,
    most: usize,
) -> Result<(), JournalError> {
    let format = |source| JournalError::Format {
        path: data_directory.own().path_of(name).display().to_string(),
        source,
    };
    let mut text = serde_json::to_vec_pretty(record).map_err(format)?;
    text.push(b'\n');
    if text.len() > most {
        return Err(JournalError::TooLong { bytes: text.len() });
    }
    let data_directory = data_directory.clone();
    blocking(move || Ok(data_directory.own().replace(NEW, name, &text)?)).await
}

pub(super) async fn rename(
    data_directory: &Arc<DataDirectory>,
    from: &'static str,
    to: &'static str,
) -> Result<(), PathError> {
    let data_directory = data_directory.clone();
    blocking(move || {
        let own = data_directory.own();
        match renameat(own, from, own, to) {
            // Renamed before, and the error came after that.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(refuse(&data_directory, from, "rename")(error)),
        }
        fsync(own).map_err(refuse(&data_directory, to, "sync the directory of"))
    })
    .await
}

/// Makes the file of a commit that could not be written down one of a reset that is prepared.
pub(super) fn rename_back(data_directory: &DataDirectory) -> Result<(), PathError> {
    let own = data_directory.own();
    match Entry::look(own, OsStr::new(PREPARED)) {
        // Then the other file is of an earlier reset, if there is any.
        Ok(_) => {}
        Err(Errno::NOENT) => renameat(own, COMMITTED, own, PREPARED).map_err(refuse(
            data_directory,
            COMMITTED,
            "rename",
        ))?,
        Err(error) => return Err(refuse(data_directory, PREPARED, "look at")(error)),
    }
    fsync(own).map_err(refuse(data_directory, PREPARED, "sync the directory of"))
}

pub(super) fn remove(data_directory: &DataDirectory, name: &str) -> Result<(), PathError> {
    match unlinkat(data_directory.own(), name, AtFlags::empty()) {
        Ok(()) => fsync(data_directory.own()).map_err(refuse(
            data_directory,
            name,
            "sync the directory of",
        )),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(refuse(data_directory, name, "remove")(error)),
    }
}

fn refuse<E: Into<std::io::Error>>(
    data_directory: &DataDirectory,
    name: &str,
    action: &'static str,
) -> impl FnOnce(E) -> PathError + use<E> {
    PathError::io(action, data_directory.own().path_of(name))
}

pub(super) fn read(
    data_directory: &DataDirectory,
    name: &str,
) -> Result<Option<JournalRecord>, JournalError> {
    let Some(text) = read_text(data_directory.own(), name)? else {
        return Ok(None);
    };
    let path = data_directory.own().path_of(name).display().to_string();
    parse(&text, &path).map(Some)
}

/// The content of the journal `name` in `own`; none when it does not exist.
pub(super) fn read_text(own: &CheckedDirectory, name: &str) -> Result<Option<Vec<u8>>, PathError> {
    own.read(name, LONGEST_READ)
}

fn parse(text: &[u8], path: &str) -> Result<JournalRecord, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let format = |source| JournalError::Format {
        path: path.to_owned(),
        source,
    };
    let Version { version } = serde_json::from_slice(text).map_err(format)?;
    if version != VERSION {
        return Err(JournalError::Version {
            path: path.to_owned(),
            found: version,
        });
    }
    serde_json::from_slice(text).map_err(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_refused_whatever_else_it_holds() {
        let error = parse(br#"{"version": 5, "shape": "unknown"}"#, "journal").unwrap_err();
        assert!(matches!(error, JournalError::Version { found: 5, .. }));
    }

    #[test]
    fn what_the_history_is_to_say_is_no_more_than_text() {
        let text = r#"{
            "version": 4,
            "run": "0190a5f4-0000-7000-8000-000000000000",
            "database": null,
            "paths": [],
            "steps": { "media": [] },
            "rows": false,
            "earlier": { "forget": {}, "purge": [], "reclaim": true },
            "swept": false,
            "entry": { "written": ["by", "nobody"] }
        }"#;
        let record = parse(text.as_bytes(), "journal").unwrap();
        assert!(record.entry().is_none());
        assert!(record.leftover().reclaim);
        let nothing = text.replace(r#"{ "written": ["by", "nobody"] }"#, "null");
        assert!(
            parse(nothing.as_bytes(), "journal")
                .unwrap()
                .entry()
                .is_none()
        );
    }
}
