//! What the shim has written down of the calls that a host made, in their order.

use std::fs;
use std::path::{Path, PathBuf};

/// What a call has done to the data directory. Paths are relative to it.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A new file.
    Create {
        path: PathBuf,
        mode: u32,
    },
    /// A new directory.
    CreateDirectory {
        path: PathBuf,
        mode: u32,
    },
    Write {
        path: PathBuf,
        from: usize,
        bytes: Vec<u8>,
    },
    /// Cut off or grown to a length.
    Resize {
        path: PathBuf,
        length: usize,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    /// A name is gone, of a file or a directory.
    Remove {
        path: PathBuf,
    },
    /// What was changed in this file, or which names there are in this directory, is on disk.
    Sync {
        path: PathBuf,
    },
}

/// The head of each entry, as `note` in `control.h` writes it.
const HEAD: usize = 21;

/// Reads the log of a host on `data`.
pub(super) fn read(log: &Path, data: &Path) -> Vec<Change> {
    let bytes = fs::read(log).unwrap();
    let mut rest = bytes.as_slice();
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let (head, body) = rest.split_at(HEAD);
        let length = |from: usize| u32::from_ne_bytes(head[from..from + 4].try_into().unwrap());
        let (path, body) = body.split_at(length(9) as usize);
        let (other, body) = body.split_at(length(13) as usize);
        let (bytes, body) = body.split_at(length(17) as usize);
        rest = body;
        let number = u64::from_ne_bytes(head[1..9].try_into().unwrap());
        let below = |path: &[u8]| {
            let path = str::from_utf8(path).unwrap();
            Path::new(path).strip_prefix(data).map(Path::to_owned)
        };
        // Nobody can find what is written to a file without a name.
        if path.ends_with(b" (deleted)") {
            continue;
        }
        let path = below(path).unwrap();
        changes.push(match head[0] {
            b'c' => Change::Create {
                path,
                mode: number as u32,
            },
            b'd' => Change::CreateDirectory {
                path,
                mode: number as u32,
            },
            b'w' => Change::Write {
                path,
                from: number as usize,
                bytes: bytes.to_owned(),
            },
            b't' => Change::Resize {
                path,
                length: number as usize,
            },
            b'r' => Change::Rename {
                from: path,
                to: below(other).unwrap(),
            },
            b'u' => Change::Remove { path },
            b's' => Change::Sync { path },
            kind => panic!("a call that is not modelled: {} {path:?}", char::from(kind)),
        });
    }
    changes
}
