//! What stands before an entry's content in the archive.
//!
//! There is one way to write each entry. The reader writes down again what it understood, and
//! refuses whatever was written in another way: so no field can say one thing to this program
//! and something else to another.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::fault::{BundleFault, shown};
use super::pax::{self, Modified};

pub(super) const BLOCK: usize = 512;

/// How long a path may be in bytes. The deepest paths that a reset clears are shorter.
const LONGEST_PATH: usize = 64 * 1024;

/// How many components a path may have: each is an open directory while it is unpacked.
const MOST_COMPONENTS: usize = 600;

/// How long a path can be without an entry of its own.
const PLAIN_PATH: usize = 100;

/// What an entry can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
}

/// All that is said of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Components between slashes, without one at the end.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    /// The permission bits.
    pub(super) mode: u32,
    pub(super) modified: Modified,
    pub(super) size: u64,
}

impl Head {
    /// A file as the bundle's own are.
    pub(super) fn plain(path: impl Into<Vec<u8>>, size: u64, seconds: i64) -> Self {
        Self {
            path: path.into(),
            kind: Kind::File,
            mode: 0o600,
            modified: (seconds.max(0), 0),
            size,
        }
    }

    /// Why such an entry is never written.
    pub(super) fn objection(&self) -> Option<&'static str> {
        let components = || self.path.split(|&byte| byte == b'/');
        let is_wrong = |name: &[u8]| matches!(name, b"" | b"." | b"..") || name.contains(&0);
        let set_id = match self.kind {
            Kind::File => 0o6000,
            Kind::Directory => 0,
        };
        if self.path.len() > LONGEST_PATH {
            Some("has too long a path")
        } else if components().any(is_wrong) {
            Some("is not a plain path below the archive's top")
        } else if components().count() > MOST_COMPONENTS {
            Some("lies too many directories deep")
        } else if self.mode & set_id != 0 {
            Some("has the set-user-id or set-group-id bit")
        } else if self.mode > 0o7777 {
            Some("has a mode that is none")
        } else if self.kind == Kind::Directory && self.size != 0 {
            Some("is a directory with content")
        } else {
            None
        }
    }

    /// As it stands in the archive.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut blocks = Vec::with_capacity(BLOCK);
        let mut name = self.path.clone();
        if self.kind == Kind::Directory {
            name.push(b'/');
        }
        if name.len() > PLAIN_PATH {
            let mut content = name.clone();
            content.push(0);
            extend(
                &mut blocks,
                b"././@LongLink",
                EntryType::GNULongName,
                &content,
            );
        }
        if let Some(record) = pax::record(self.modified) {
            extend(
                &mut blocks,
                b"./PaxHeaders/time",
                EntryType::XHeader,
                &record,
            );
        }
        let mut header = Header::new_gnu();
        set_name(&mut header, &name);
        header.set_entry_type(match self.kind {
            Kind::File => EntryType::Regular,
            Kind::Directory => EntryType::Directory,
        });
        header.set_mode(self.mode);
        header.set_uid(0);
        header.set_gid(0);
        let seconds = self.modified.0.clamp(0, 0o77_777_777_777);
        header.set_mtime(seconds.unsigned_abs());
        header.set_size(self.size);
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
        blocks
    }

    /// Reads the next one; none at the end of the archive.
    pub(super) fn read(source: &mut impl Read) -> Result<Option<Self>, ReadError> {
        let mut raw = Vec::with_capacity(BLOCK);
        let (mut long_name, mut modified) = (None, None);
        loop {
            let mut block = [0; BLOCK];
            source.read_exact(&mut block)?;
            if raw.is_empty() && block == [0; BLOCK] {
                return Ok(None);
            }
            raw.extend_from_slice(&block);
            let header = Header::from_byte_slice(&block);
            let plain_name = plain_name(&block);
            let refuse = |reason| ReadError::from(BundleFault::entry(plain_name, reason));
            let size = header.entry_size();
            let size = size.map_err(|_| refuse("has a size that is none"))?;
            match header.entry_type() {
                EntryType::GNULongName if long_name.is_none() => {
                    if size > LONGEST_PATH as u64 + 2 {
                        return Err(refuse("has too long a path"));
                    }
                    let mut name = read_padded(source, size, &mut raw)?;
                    name.pop();
                    long_name = Some(name);
                }
                EntryType::XHeader if modified.is_none() => {
                    if size > pax::LONGEST {
                        return Err(refuse("has an extended header that no bundle has"));
                    }
                    let time = pax::parse(&read_padded(source, size, &mut raw)?);
                    modified = Some(
                        time.ok_or_else(|| refuse("has an extended header that no bundle has"))?,
                    );
                }
                kind @ (EntryType::Regular | EntryType::Directory) => {
                    let mut path = long_name.unwrap_or_else(|| plain_name.to_vec());
                    let kind = match kind {
                        EntryType::Directory if path.pop_if(|last| *last == b'/').is_some() => {
                            Kind::Directory
                        }
                        EntryType::Directory => {
                            return Err(refuse("is a directory without a slash at its end"));
                        }
                        _ => Kind::File,
                    };
                    let plain_time = i64::try_from(header.mtime().unwrap_or(u64::MAX));
                    let head = Self {
                        kind,
                        mode: header.mode().unwrap_or(u32::MAX),
                        modified: modified.unwrap_or((plain_time.unwrap_or(i64::MAX), 0)),
                        size,
                        path,
                    };
                    if let Some(reason) = head.objection() {
                        return Err(BundleFault::entry(&head.path, reason).into());
                    }
                    if head.encode() != raw {
                        let reason = "has a header that no bundle has";
                        return Err(BundleFault::entry(&head.path, reason).into());
                    }
                    return Ok(Some(head));
                }
                EntryType::Link | EntryType::Symlink => return Err(refuse("is a link")),
                EntryType::Char | EntryType::Block => return Err(refuse("is a device")),
                EntryType::Fifo => return Err(refuse("is a pipe")),
                _ => return Err(refuse("is of a kind that no bundle has")),
            }
        }
    }

    /// The path for messages.
    pub(super) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// How many bytes of nothing follow the content, up to the next block.
    pub(super) fn padding(&self) -> usize {
        padding(self.size)
    }
}

/// Why the next head could not be had.
pub(super) enum ReadError {
    Io(io::Error),
    Fault(BundleFault),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BundleFault> for ReadError {
    fn from(fault: BundleFault) -> Self {
        Self::Fault(fault)
    }
}

fn padding(size: u64) -> usize {
    let over = (size % BLOCK as u64) as usize;
    (BLOCK - over) % BLOCK
}

/// Adds an entry that says something of the next one.
fn extend(blocks: &mut Vec<u8>, name: &[u8], kind: EntryType, content: &[u8]) {
    let mut header = Header::new_gnu();
    set_name(&mut header, name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
    blocks.extend_from_slice(content);
    blocks.resize(blocks.len() + padding(content.len() as u64), 0);
}

fn set_name(header: &mut Header, name: &[u8]) {
    let length = name.len().min(PLAIN_PATH);
    header.as_mut_bytes()[..length].copy_from_slice(&name[..length]);
}

fn plain_name(block: &[u8; BLOCK]) -> &[u8] {
    let field = &block[..PLAIN_PATH];
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(PLAIN_PATH)]
}

/// Reads a short content with its padding, which goes to `raw`.
fn read_padded(source: &mut impl Read, size: u64, raw: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let size = size as usize;
    let mut content = vec![0; size + padding(size as u64)];
    source.read_exact(&mut content)?;
    raw.extend_from_slice(&content);
    content.truncate(size);
    Ok(content)
}
