//! Media files go, or are looked at.

use std::path::Path;

use crate::amount::Amount;
use crate::arena::Files;
use crate::contest::{Contest, Work};
use crate::contestants::{Host, Python, du, rm};
use crate::failure::Failure;

/// Removal, against what the system and Python have.
pub(crate) fn removal(
    directory: &Path,
    files: Amount,
    python: &Python,
) -> Result<Contest, Failure> {
    Ok(Contest {
        id: "files",
        title: "Media",
        size: files,
        unit: "files",
        contestants: vec![Host::new()?.media().reset(), rm(), python.rmtree()],
        arena: Box::new(Files::new(directory, files)),
        work: Work::Clear,
    })
}

/// How long requests are held off while media are removed.
pub(crate) fn gate(directory: &Path, files: Amount) -> Result<Contest, Failure> {
    Ok(Contest {
        id: "gate",
        title: "Requests held off while media go",
        size: files,
        unit: "files",
        contestants: vec![Host::new()?.media().passed().reset()],
        arena: Box::new(Files::new(directory, files)),
        work: Work::Clear,
    })
}

/// Preview, against `du`.
pub(crate) fn survey(directory: &Path, files: Amount) -> Result<Contest, Failure> {
    Ok(Contest {
        id: "survey",
        title: "Preview of media",
        size: files,
        unit: "files",
        contestants: vec![Host::new()?.media().preview(), du()],
        arena: Box::new(Files::new(directory, files)),
        work: Work::Look,
    })
}
