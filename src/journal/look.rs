//! A look at a journal from outside, by somebody who does not hold the data directory.

use std::io::{Error, ErrorKind};
use std::path::Path;

use serde::Deserialize;
use uuid::Uuid;

use super::file::{COMMITTED, PREPARED};
use super::record::JournalState;
use crate::relative_path::OWN_DIRECTORY;

#[derive(Deserialize)]
struct Interrupted {
    run: Uuid,
}

/// The run that the journal of `data_dir` tells of, and how far it is. Changes nothing. Blocks.
pub(crate) fn look(data_dir: &Path) -> Result<Option<(Uuid, JournalState)>, Error> {
    // One that is not there would look like one without a journal.
    std::fs::read_dir(data_dir).map_err(named(data_dir))?;
    let own = data_dir.join(OWN_DIRECTORY);
    for (name, state) in [
        (PREPARED, JournalState::Prepared),
        (COMMITTED, JournalState::Committed),
    ] {
        let path = own.join(name);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(named(&path)(error)),
        };
        let Interrupted { run } = serde_json::from_slice(&text)
            .map_err(|error| named(&path)(Error::new(ErrorKind::InvalidData, error)))?;
        return Ok(Some((run, state)));
    }
    Ok(None)
}

/// Puts the path before what the operating system says.
fn named(path: &Path) -> impl FnOnce(Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::new(error.kind(), format!("could not read `{path}`: {error}"))
}
