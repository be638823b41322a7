//! The user that a process becomes.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, initgroups, setgroups, setresgid, setresuid};
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, umask};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use serde::{Deserialize, Serialize};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// The group that owns nothing, for a user whose own group is not known.
const NO_GROUP: u32 = 65534;

/// A user to whom the data of a service belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    uid: u32,
    gid: u32,
    /// As the user database spells it; none for a user that has no entry there.
    name: Option<String>,
}

impl Owner {
    /// The user `uid`, whose directory belongs to the group `directory_gid`.
    ///
    /// A user without an entry in the user database gets the directory's group only if that
    /// group cannot belong to somebody else: it has the user's own number, or no name.
    pub(super) fn new(uid: u32, directory_gid: u32) -> Self {
        if let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) {
            return Self {
                uid,
                gid: user.gid.as_raw(),
                name: Some(user.name),
            };
        }
        let is_unnamed = || matches!(Group::from_gid(Gid::from_raw(directory_gid)), Ok(None));
        let is_own = directory_gid != 0 && (directory_gid == uid || is_unnamed());
        Self {
            uid,
            gid: if is_own { directory_gid } else { NO_GROUP },
            name: None,
        }
    }

    /// The number of the user.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Makes this process one of this user, for good: user, group and supplementary groups
    /// change, all capabilities are dropped, `no_new_privs` is set, no other process of the user
    /// can trace this one, and new files are the owner's alone (umask 077).
    ///
    /// # Errors
    ///
    /// When the process has other threads already, is not allowed to change its user, or could
    /// become root again. It must end then, because it may have changed only in part.
    pub fn become_it(&self) -> Result<(), Failure> {
        if self.uid == 0 {
            return Err(self.failure(&"root is no user to give up root for"));
        }
        // The system calls below change one thread alone.
        if threads().is_some_and(|threads| threads > 1) {
            return Err(self.failure(&"the process has more than one thread already"));
        }
        self.change().map_err(|error| self.failure(&error))?;
        self.verify().map_err(|error| self.failure(&error))
    }

    fn change(&self) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        umask(Mode::RWXG | Mode::RWXO);
        match &self.name {
            Some(name) => initgroups(&CString::new(name.as_str())?, gid)?,
            None => setgroups(&[gid])?,
        }
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        // Capabilities outlive the change of the user where the secure bits say so.
        let none = CapabilitySet::empty();
        let sets = CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        };
        set_capabilities(None, sets)?;
        set_no_new_privs(true)?;
        // Otherwise another process of the user could read the environment and the memory.
        Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
    }

    fn verify(&self) -> io::Result<()> {
        let uids = nix::unistd::getresuid()?;
        let gids = nix::unistd::getresgid()?;
        let is_user = [uids.real, uids.effective, uids.saved]
            .iter()
            .all(|uid| uid.as_raw() == self.uid);
        let is_group = [gids.real, gids.effective, gids.saved]
            .iter()
            .all(|gid| gid.as_raw() == self.gid);
        let root = Uid::from_raw(0);
        if !is_user || !is_group || setresuid(root, root, root).is_ok() {
            return Err(io::Error::other("the rights of root are still there"));
        }
        Ok(())
    }

    fn failure(&self, error: &dyn fmt::Display) -> Failure {
        let text = format!(
            "could not become {self}, to whom the data belongs: {error}: run the command as that \
             user, or add `--as-root`"
        );
        Failure::new(Exit::Unreachable, text)
    }
}

/// The name in backticks, or else the number.
impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "`{name}`"),
            None => write!(formatter, "user `{}`", self.uid),
        }
    }
}

/// How many threads this process has, where the system tells.
fn threads() -> Option<usize> {
    Some(Path::new("/proc/self/task").read_dir().ok()?.count())
}
