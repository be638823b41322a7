//! A look at a journal by a process that does not hold the data directory.

use std::path::Path;

use serde::Deserialize;
use uuid::Uuid;

use super::error::JournalError;
use super::file::{COMMITTED, PREPARED, read_text};
use super::record::JournalState;
use crate::data_directory::look_at_own;

#[derive(Deserialize)]
struct Interrupted {
    run: Uuid,
}

/// The run that the journal of `data_dir` tells of, and how far it is. Changes nothing. Blocks.
pub(crate) fn look(data_dir: &Path) -> Result<Option<(Uuid, JournalState)>, JournalError> {
    let Some(own) = look_at_own(data_dir)? else {
        return Ok(None);
    };
    for (name, state) in [
        (PREPARED, JournalState::Prepared),
        (COMMITTED, JournalState::Committed),
    ] {
        let Some(text) = read_text(&own, name)? else {
            continue;
        };
        let Interrupted { run } =
            serde_json::from_slice(&text).map_err(|source| JournalError::Format {
                path: own.path_of(name).display().to_string(),
                source,
            })?;
        return Ok(Some((run, state)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::error::chain;

    #[test]
    fn the_run_is_told_and_nothing_is_changed() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(look(directory.path()).unwrap(), None);
        assert!(look(&directory.path().join("absent")).is_err());
        let own = directory.path().join(".factory-reset");
        fs::create_dir(&own).unwrap();
        let run = Uuid::now_v7();
        for (name, state) in [
            (COMMITTED, JournalState::Committed),
            (PREPARED, JournalState::Prepared),
        ] {
            fs::write(own.join(name), format!(r#"{{"run": "{run}"}}"#)).unwrap();
            assert_eq!(look(directory.path()).unwrap(), Some((run, state)));
        }
        assert_eq!(fs::read_dir(own).unwrap().count(), 2);
    }

    #[test]
    fn only_a_plain_file_is_read_and_only_so_much_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join(".factory-reset");
        let journal = own.join(PREPARED);
        fs::create_dir(&own).unwrap();
        let refuse = |says: &str| {
            let error = chain(&look(directory.path()).unwrap_err());
            assert!(error.contains(says), "{error}");
            assert!(error.contains(PREPARED), "{error}");
            fs::remove_file(&journal).unwrap();
        };
        mknodat(CWD, &journal, FileType::Fifo, Mode::RWXU, 0).unwrap();
        refuse("is a pipe");
        symlink("/dev/zero", &journal).unwrap();
        refuse("is a symbolic link");
        fs::write(directory.path().join("other"), "{}").unwrap();
        fs::hard_link(directory.path().join("other"), &journal).unwrap();
        refuse("more than one hard link");
        fs::File::create(&journal)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        refuse("the most that is read");
        fs::remove_dir(&own).unwrap();
        symlink("/tmp", &own).unwrap();
        let error = chain(&look(directory.path()).unwrap_err());
        assert!(error.contains("is a symbolic link"), "{error}");
    }
}
