//! What the system has for files.

use super::Contestant;
use crate::process::Start;

/// Removes the media.
pub(crate) fn rm() -> Contestant {
    Contestant::new(
        "rm -rf",
        "unlinks file by file; nothing is counted; killed, it leaves a part",
        |field| Start::tool("rm", &["-rf", &field.media.display().to_string()]),
    )
}

/// Looks at the media.
pub(crate) fn du() -> Contestant {
    Contestant::new("du -s", "sums up the space that the files take", |field| {
        Start::tool("du", &["-s", &field.media.display().to_string()])
    })
}
