//! The opening of the data directory itself.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, fstat, openat};
use rustix::process::geteuid;

use super::directory::directory_flags;
use super::error::PathError;
use super::owners::Owners;

/// Opens the data directory `path`. Returns its resolved path, its handle, and the users that may
/// own what this crate keeps in it.
///
/// Root is refused where another user decides what the path leads to: otherwise that user makes
/// root move and remove files, or decides from which journal root recovers. `is_trusted` is the
/// host's word that the owner of the directory may do so.
pub(super) fn open(path: &Path, is_trusted: bool) -> Result<(PathBuf, OwnedFd, Owners), PathError> {
    let path = path
        .canonicalize()
        .map_err(PathError::io("find the data directory", path))?;
    let is_checked = geteuid().is_root() && !is_trusted;
    let root = if is_checked {
        descend(&path)?
    } else {
        rustix::fs::open(&path, directory_flags(), Mode::empty())
            .map_err(PathError::io("open the data directory", &path))?
    };
    let owner = owner_of(&root, &path)?;
    if is_checked && owner != 0 {
        return Err(PathError::OtherOwner { path, owner });
    }
    let owners = match is_trusted {
        true => Owners::and(owner),
        false => Owners::PROCESS,
    };
    Ok((path, root, owners))
}

/// Opens `path` from the top, so that no directory on the way can be swapped after it was
/// checked: each has to be root's, and only root may replace what is in it.
fn descend(path: &Path) -> Result<OwnedFd, PathError> {
    let refuse = || PathError::io("open the data directory", path);
    let mut here = PathBuf::from("/");
    let mut directory =
        rustix::fs::open(&here, directory_flags(), Mode::empty()).map_err(refuse())?;
    for component in path.components() {
        let Component::Normal(name) = component else {
            continue;
        };
        let status = fstat(&directory).map_err(refuse())?;
        let mode = Mode::from_raw_mode(status.st_mode);
        // In a sticky directory only the owner of an entry, which is checked next, replaces it.
        let is_open = mode.intersects(Mode::WGRP | Mode::WOTH) && !mode.contains(Mode::SVTX);
        if status.st_uid != 0 || is_open {
            return Err(PathError::Replaceable {
                path: path.to_owned(),
                above: here,
            });
        }
        here.push(name);
        directory = openat(&directory, name, directory_flags(), Mode::empty()).map_err(refuse())?;
    }
    Ok(directory)
}

pub(super) fn owner_of(root: &OwnedFd, path: &Path) -> Result<u32, PathError> {
    let status = fstat(root).map_err(PathError::io("look at", path))?;
    Ok(status.st_uid)
}
