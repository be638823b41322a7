//! The users whose files a process relies on.

use rustix::process::geteuid;

use super::error::Flaw;

/// The users that may own what a process relies on: what another user owns, that user can
/// change at any time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owners {
    /// Root, the user that this process runs as, and the owner of a data directory that the host
    /// trusts.
    Trusted { owner: Option<u32> },
    /// Every user: what is read is checked by its content.
    #[cfg(feature = "backup")]
    Any,
}

impl Owners {
    /// Root and the user that this process runs as.
    pub(crate) const PROCESS: Self = Self::Trusted { owner: None };

    /// The same, and the user `owner`.
    pub(crate) const fn and(owner: u32) -> Self {
        Self::Trusted { owner: Some(owner) }
    }

    pub(super) fn check(self, owner: u32) -> Result<(), Flaw> {
        let process = geteuid();
        match self {
            Self::Trusted { owner: trusted }
                if owner != 0 && owner != process.as_raw() && Some(owner) != trusted =>
            {
                Err(Flaw::Owner {
                    owner,
                    process: process.as_raw(),
                })
            }
            _ => Ok(()),
        }
    }
}
