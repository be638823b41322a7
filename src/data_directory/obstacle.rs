//! What would keep an entry from being removed, as far as it can be told without trying.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::entry::{Attribute, Entry};

impl Attribute {
    /// What it means, and how it is taken away.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Immutable => "is immutable: make it removable with `chattr -i`",
            Self::AppendOnly => "can only be appended to: make it removable with `chattr -a`",
        }
    }
}

/// Why nothing can be removed from, or put into, the open `directory`.
pub(super) fn of_directory(directory: impl AsFd) -> Option<String> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    let answer = accessat(directory, ".", wanted, AtFlags::EACCESS);
    not_writable("this directory", answer)
}

/// Whether `directory` lets only its owner remove what others own in it, and that is not us.
pub(super) fn keeps_what_others_own(directory: &Entry) -> bool {
    directory.sticky && !is_ours(directory)
}

/// Whether it belongs to the user that this process runs as, or that user may do anything.
pub(super) fn is_ours(entry: &Entry) -> bool {
    let user = geteuid();
    user.is_root() || user.as_raw() == entry.owner
}

/// Why the file at `path`, which may lie anywhere, cannot be written; none when it is not
/// there.
pub(crate) fn of_file(path: &Path) -> Option<String> {
    let entry = Entry::look(CWD, path.as_os_str()).ok()?;
    if let Some(attribute) = entry.locked {
        return Some(attribute.reason().to_owned());
    }
    let answer = accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS);
    not_writable("it", answer)
}

/// Any other error says that it cannot be told like this.
fn not_writable(what: &str, answer: Result<(), Errno>) -> Option<String> {
    let error = answer.err()?;
    matches!(error, Errno::ACCESS | Errno::ROFS).then(|| {
        let error = std::io::Error::from(error);
        format!("cannot be cleared, for the service may not write to {what}: {error}")
    })
}
