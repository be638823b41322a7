//! The files and directories that a command works on, and the one user to whom they belong.

use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::owner::Owner;
use super::trusted::{check_trusted, check_way};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::printable::Printable;

/// The risk of `--as-root`.
const RISK: &str = "warning: --as-root: no check of whose data this is; another user who can write \
                    to the data can make this process change or delete any file that it may change";

/// What a refusal ends with where the check can be switched off.
const OVERRIDE: &str = ", or add `--as-root`";

/// The data directory of a service and its other roots, such as the file of its database.
///
/// ```no_run
/// use factory_reset::cli::privileges::Roots;
///
/// // First in `main`, before a runtime exists.
/// let roots = Roots::new("/var/lib/example").and("database", "/var/lib/example/example.db");
/// roots.become_owner(false)?;
/// # Ok::<_, factory_reset::cli::Failure>(())
/// ```
#[derive(Debug, Clone)]
pub struct Roots {
    roots: Vec<(&'static str, PathBuf)>,
}

/// One of them, as the file system tells of it.
struct Root<'a> {
    called: &'static str,
    path: &'a Path,
    metadata: Metadata,
}

impl Roots {
    /// A service that keeps its files in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self {
            roots: vec![("data directory", data_dir.as_ref().to_owned())],
        }
    }

    /// Adds a file or directory, `called` so in messages. It has to exist.
    #[must_use]
    pub fn and(mut self, called: &'static str, path: impl AsRef<Path>) -> Self {
        self.roots.push((called, path.as_ref().to_owned()));
        self
    }

    /// The user that has to do the work; none where this process can do it with its own rights.
    ///
    /// Root gets the one user who owns all roots, and works itself only on roots that nobody
    /// else can change. Any other user works on its own roots and on those of root.
    ///
    /// # Errors
    ///
    /// When a root cannot be found, the roots belong to different users, root's own can be
    /// changed by others, or they belong to another user and this process is not root.
    pub fn owner(&self) -> Result<Option<Owner>, Failure> {
        self.owner_unless(OVERRIDE)
    }

    /// The same, with `hint` at the end of a refusal.
    fn owner_unless(&self, hint: &str) -> Result<Option<Owner>, Failure> {
        let roots: Vec<_> = self
            .roots
            .iter()
            .map(Root::look)
            .collect::<Result<_, _>>()?;
        let caller = geteuid().as_raw();
        if caller != 0 {
            let mut roots = roots.iter();
            return match roots.find(|root| ![0, caller].contains(&root.uid())) {
                None => Ok(None),
                Some(root) => Err(root.refused_to(caller, hint)),
            };
        }
        let Some((first, rest)) = roots.split_first() else {
            return Ok(None);
        };
        if let Some(other) = rest.iter().find(|other| other.uid() != first.uid()) {
            return Err(first.differs_from(other, hint));
        }
        if first.uid() != 0 {
            // Otherwise a third user could lead root to the data of this one.
            for root in &roots {
                root.check_way(hint)?;
            }
            return Ok(Some(first.owner()));
        }
        for root in &roots {
            root.check_own(hint)?;
        }
        Ok(None)
    }

    /// Becomes the user that has to do the work, for good. With `as_root` nothing is checked or
    /// changed, and the risk is printed on stderr.
    ///
    /// # Errors
    ///
    /// As [`owner`](Self::owner) and [`Owner::become_it`].
    pub fn become_owner(&self, as_root: bool) -> Result<(), Failure> {
        if as_root {
            Self::warn();
            return Ok(());
        }
        match self.owner()? {
            Some(owner) => owner.become_it(),
            None => Ok(()),
        }
    }

    /// Makes sure that a process that cannot change its user may work on the roots: a server.
    /// A root that is not there yet is left out, because the process makes it.
    ///
    /// # Errors
    ///
    /// As [`owner`](Self::owner), and when the roots belong to another user than root and this
    /// process is root.
    pub fn check_server(&self) -> Result<(), Failure> {
        // Any other user has no rights that the owner of the data could gain.
        if !geteuid().is_root() {
            return Ok(());
        }
        let roots = self.roots.iter();
        let there = roots.filter(|(_, path)| path.exists()).cloned().collect();
        match (Self { roots: there }).owner_unless("")? {
            None => Ok(()),
            Some(owner) => {
                let text = format!(
                    "the data belongs to {owner}, and this server is root: start it as {owner}"
                );
                Err(Failure::new(Exit::Refused, text))
            }
        }
    }

    /// Prints the risk of `--as-root` on stderr.
    pub fn warn() {
        // A closed end stops no command.
        let _ = writeln!(io::stderr(), "{RISK}");
    }
}

impl<'a> Root<'a> {
    fn look((called, path): &'a (&'static str, PathBuf)) -> Result<Self, Failure> {
        match path.metadata() {
            Ok(metadata) => Ok(Self {
                called,
                path,
                metadata,
            }),
            Err(error) => {
                let path = path.display();
                let text = format!("the {called} `{path}`: {error}: correct the path");
                Err(Failure::new(Exit::Unreachable, text))
            }
        }
    }

    fn uid(&self) -> u32 {
        self.metadata.uid()
    }

    fn owner(&self) -> Owner {
        Owner::new(self.uid(), self.metadata.gid())
    }

    /// The name with the path, and with the place to which a link leads.
    fn shown(&self) -> String {
        let mut shown = format!("the {} `{}`", self.called, self.path.display());
        if let Ok(resolved) = self.path.canonicalize()
            && resolved != *self.path
        {
            let _ = write!(shown, ", which is `{}`,", resolved.display());
        }
        shown
    }

    fn refused_to(&self, caller: u32, hint: &str) -> Failure {
        let (shown, owner) = (self.shown(), self.owner());
        let caller = Owner::new(caller, 0);
        let text = format!(
            "{shown} belongs to {owner}, and this process is {caller}: run it as {owner}{hint}"
        );
        Failure::new(Exit::Refused, text)
    }

    fn differs_from(&self, other: &Self, hint: &str) -> Failure {
        let (shown, owner) = (self.shown(), self.owner());
        let (other, its) = (other.shown(), other.owner());
        let text = format!(
            "{shown} belongs to {owner}, but {other} belongs to {its}: let one user own both{hint}"
        );
        Failure::new(Exit::Refused, text)
    }

    /// Makes sure that no user but root and its owner can put something else at its path.
    fn check_way(&self, hint: &str) -> Result<(), Failure> {
        let fixes = check_way(self.path, self.uid());
        let fixes = fixes.unwrap_or_else(|error| vec![error.to_string()]);
        if fixes.is_empty() {
            return Ok(());
        }
        let text = format!(
            "{} belongs to {}, but another user can put something else in its place: run \
             `{}`{hint}",
            self.shown(),
            self.owner(),
            Printable::new(&fixes.join(" && "))
        );
        Err(Failure::new(Exit::Refused, text))
    }

    /// Makes sure that nobody but root can change it, or put something in its place.
    fn check_own(&self, hint: &str) -> Result<(), Failure> {
        let mut ways = vec![self.path.to_owned()];
        if self.metadata.is_file() {
            let file = self.path.canonicalize().unwrap_or_default();
            self.check_journals(&file, hint)?;
            // There another user can make a journal, also where the directory is sticky.
            ways.extend(file.parent().map(Path::to_owned));
        }
        let mut fixes: Vec<String> = Vec::new();
        for way in ways {
            let found = check_trusted(&way).unwrap_or_else(|error| vec![error.to_string()]);
            fixes.extend(
                found
                    .into_iter()
                    .filter(|fix| !fixes.contains(fix))
                    .collect::<Vec<_>>(),
            );
        }
        if fixes.is_empty() {
            return Ok(());
        }
        let text = format!(
            "{} belongs to root, but others can change it: run `{}`{hint}",
            self.shown(),
            Printable::new(&fixes.join(" && "))
        );
        Err(Failure::new(Exit::Refused, text))
    }

    /// Makes sure that the files beside the database, which SQLite obeys, are of root.
    fn check_journals(&self, file: &Path, hint: &str) -> Result<(), Failure> {
        for suffix in ["-journal", "-wal", "-shm"] {
            let mut path = file.as_os_str().to_owned();
            path.push(suffix);
            let path = Path::new(&path);
            let Ok(found) = path.symlink_metadata() else {
                continue;
            };
            if !found.is_file() || found.uid() != 0 {
                let text = format!(
                    "{} belongs to root, but `{}` beside it does not, and SQLite obeys that: find \
                     out what has made it, and let that user own both{hint}",
                    self.shown(),
                    path.display()
                );
                return Err(Failure::new(Exit::Refused, text));
            }
        }
        Ok(())
    }
}
