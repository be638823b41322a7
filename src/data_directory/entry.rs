//! One entry of a directory, looked at without following links.

use std::ffi::{CStr, OsStr};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Directory,
    /// Anything that is unlinked: a file, a symbolic link, a socket.
    File,
}

/// The mounted file system that an entry lies on. The mount's own number tells a bind mount
/// of the same file system, which the device alone does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mount {
    device: (u32, u32),
    /// Not known on every system.
    number: Option<u64>,
}

/// What is known about an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) bytes: u64,
    pub(crate) inode: u64,
    /// When content, name or mode last changed; unlike the time of modification nobody can
    /// set it back.
    pub(crate) changed: (i64, u32),
    pub(crate) mount: Mount,
    /// Who owns it.
    pub(crate) owner: u32,
    /// Whether only owners may remove entries of this directory.
    pub(crate) sticky: bool,
    /// Whether the file system lets nobody remove it, and nothing from it, until an attribute
    /// is taken away.
    pub(crate) locked: Option<Attribute>,
}

/// An attribute that forbids removal, also to the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    Immutable,
    AppendOnly,
}

impl Entry {
    /// Whether it lies on another file system than what lies on `mount`.
    pub(crate) fn is_beyond(&self, mount: Mount) -> bool {
        match (self.kind, self.mount.number) {
            // A file may have the device of one of the layers of an overlay, and is on its
            // mount all the same.
            (EntryKind::File, Some(_)) => self.mount.number != mount.number,
            _ => self.mount != mount,
        }
    }

    /// A hash of what tells this entry, called `name` in the directory with the inode
    /// `directory`, from any other and from itself once it is written.
    pub(crate) fn fingerprint(&self, name: &OsStr, directory: u64) -> u128 {
        // A directory's own size and time change with its entries, which count themselves.
        let (bytes, changed) = match self.kind {
            EntryKind::File => (self.bytes, self.changed),
            EntryKind::Directory => (0, (0, 0)),
        };
        let hash = Sha256::new()
            .chain_update(directory.to_le_bytes())
            .chain_update(self.inode.to_le_bytes())
            .chain_update(bytes.to_le_bytes())
            .chain_update(changed.0.to_le_bytes())
            .chain_update(changed.1.to_le_bytes())
            .chain_update(name.as_bytes())
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        u128::from_le_bytes(half)
    }

    /// Looks at `name` in `directory`; an empty name is the directory itself.
    #[cfg(target_os = "linux")]
    pub(crate) fn look(directory: impl AsFd, name: &OsStr) -> Result<Self, Errno> {
        use rustix::fs::{StatxAttributes, StatxFlags, statx};

        let mut flags = AtFlags::SYMLINK_NOFOLLOW;
        flags.set(AtFlags::EMPTY_PATH, name.is_empty());
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let status = statx(directory, name, flags, wanted)?;
        Ok(Self {
            kind: kind(FileType::from_raw_mode(status.stx_mode.into())),
            bytes: status.stx_size,
            inode: status.stx_ino,
            changed: (status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec),
            mount: Mount {
                device: (status.stx_dev_major, status.stx_dev_minor),
                number: (status.stx_mask & StatxFlags::MNT_ID.bits() != 0)
                    .then_some(status.stx_mnt_id),
            },
            owner: status.stx_uid,
            sticky: Mode::from_raw_mode(status.stx_mode.into()).contains(Mode::SVTX),
            locked: if status.stx_attributes.contains(StatxAttributes::IMMUTABLE) {
                Some(Attribute::Immutable)
            } else if status.stx_attributes.contains(StatxAttributes::APPEND) {
                Some(Attribute::AppendOnly)
            } else {
                None
            },
        })
    }

    /// Looks at `name` in `directory`; an empty name is the directory itself.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn look(directory: impl AsFd, name: &OsStr) -> Result<Self, Errno> {
        use rustix::fs::{fstat, statat};

        let status = if name.is_empty() {
            fstat(directory)?
        } else {
            statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?
        };
        Ok(Self {
            kind: kind(FileType::from_raw_mode(status.st_mode.into())),
            bytes: status.st_size as u64,
            inode: status.st_ino as u64,
            changed: (status.st_ctime as i64, status.st_ctime_nsec as u32),
            mount: Mount {
                device: (0, status.st_dev as u32),
                number: None,
            },
            owner: status.st_uid,
            sticky: Mode::from_raw_mode(status.st_mode).contains(Mode::SVTX),
            locked: None,
        })
    }
}

fn kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::Directory => EntryKind::Directory,
        _ => EntryKind::File,
    }
}

/// What an entry is, for messages.
pub(crate) fn kind_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Socket => "a socket",
        FileType::Fifo => "a pipe",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown kind",
    }
}

/// A name as `readdir` gives it.
pub(crate) fn file_name(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

/// Whether it is one of the two names that every directory lists of itself.
pub(crate) fn is_dot(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
