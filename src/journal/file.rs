//! The files that the journal stands in.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use serde::Deserialize;

use super::error::JournalError;
use super::record::JournalRecord;
use crate::data_directory::{DataDirectory, Entry, PathError, replace};
use crate::task::blocking;

pub(super) const PREPARED: &str = "journal.prepared.json";
pub(super) const COMMITTED: &str = "journal.committed.json";
pub(super) const NEW: &str = "journal.new.json";
pub(super) const VERSION: u32 = 4;

/// Replaces the file `name`.
pub(super) async fn write(
    data_directory: &Arc<DataDirectory>,
    name: &'static str,
    record: &JournalRecord,
) -> Result<(), JournalError> {
    let path = data_directory.own_path(name);
    let mut text = serde_json::to_vec_pretty(record).map_err(|source| JournalError::Format {
        path: path.display().to_string(),
        source,
    })?;
    text.push(b'\n');
    let data_directory = data_directory.clone();
    blocking(move || Ok(replace(data_directory.own(), NEW, name, &path, &text)?)).await
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
    PathError::io(action, data_directory.own_path(name))
}

pub(super) fn read(
    data_directory: &DataDirectory,
    name: &str,
) -> Result<Option<JournalRecord>, JournalError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(data_directory.own(), name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(refuse(data_directory, name, "open")(error).into()),
    };
    let mut text = String::new();
    File::from(file)
        .read_to_string(&mut text)
        .map_err(refuse(data_directory, name, "read"))?;
    let path = data_directory.own_path(name).display().to_string();
    parse(&text, &path).map(Some)
}

fn parse(text: &str, path: &str) -> Result<JournalRecord, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let format = |source| JournalError::Format {
        path: path.to_owned(),
        source,
    };
    let Version { version } = serde_json::from_str(text).map_err(format)?;
    if version != VERSION {
        return Err(JournalError::Version {
            path: path.to_owned(),
            found: version,
        });
    }
    serde_json::from_str(text).map_err(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_refused_whatever_else_it_holds() {
        let error = parse(r#"{"version": 5, "shape": "unknown"}"#, "journal").unwrap_err();
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
        let record = parse(text, "journal").unwrap();
        assert!(record.entry().is_none());
        assert!(record.leftover().reclaim);
        let nothing = text.replace(r#"{ "written": ["by", "nobody"] }"#, "null");
        assert!(parse(&nothing, "journal").unwrap().entry().is_none());
    }
}
