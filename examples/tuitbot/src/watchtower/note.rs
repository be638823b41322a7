use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

/// A text file of the user.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) content_hash: String,
}

impl Note {
    const EXTENSIONS: [&'static str; 2] = ["md", "txt"];
    const MAXIMAL_SIZE: u64 = 1024 * 1024;

    /// Whether the name is one of a note.
    pub(super) fn has_name(path: &Path) -> bool {
        path.extension().is_some_and(|extension| {
            Self::EXTENSIONS
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
    }

    /// Reads a note; none when the file is gone, is no plain file, is too large or
    /// is not text.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            // A link is not followed, and a pipe does not keep us waiting.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path);
        let file = match file {
            Ok(file) => file,
            Err(error) if is_no_file(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        // One byte more tells a file that is too large, also one that is still growing.
        file.take(Self::MAXIMAL_SIZE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > Self::MAXIMAL_SIZE {
            return Ok(None);
        }
        Ok(String::from_utf8(bytes)
            .ok()
            .map(|body| Self::new(path, body)))
    }

    fn new(path: &Path, body: String) -> Self {
        let heading = body.lines().find_map(|line| line.strip_prefix("# "));
        let title = match heading {
            Some(heading) => heading.trim().to_owned(),
            None => path
                .file_stem()
                .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
        };
        Self {
            title,
            content_hash: hex::encode(Sha256::digest(body.as_bytes())),
            body,
        }
    }
}

/// Gone, or a link or socket, as opening them is answered.
fn is_no_file(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO)
    )
}
