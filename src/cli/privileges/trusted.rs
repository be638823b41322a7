//! Files that nobody but root and the caller can change.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// How the parts of a path are opened: without any effect, and not through a link.
const PART: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How a file is opened: a FIFO is not waited for, and a terminal is not taken over.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The commands that keep every user but root and the caller from changing what `path` leads
/// to; none where no other user can. Every directory and link on the way is looked at, because
/// its owner could put something else in the place of what follows.
///
/// A directory that all may write to is passed where it is sticky, because only the owner of
/// an entry can replace that. Nothing that does not exist is a failure: the rest of the path is
/// not looked at then.
///
/// # Errors
///
/// When a part of the path cannot be looked at.
pub fn check_trusted(path: &Path) -> io::Result<Vec<String>> {
    Ok(Walk::along(path, None)?.fixes)
}

/// The commands that keep users other than root and `owner`, to whom `path` belongs, from leading
/// it elsewhere. Whether the group of a directory can write to it is left to its owner.
pub(super) fn check_way(path: &Path, owner: u32) -> io::Result<Vec<String>> {
    Ok(Walk::along(path, Some(owner))?.fixes)
}

/// Opens the regular file at `path` for reading, or returns the commands of [`check_trusted`]
/// if there are any. What is opened is what was looked at, and nothing else is ever opened: to open
/// a device can have effects.
///
/// # Errors
///
/// When the file cannot be opened, or is no regular file.
pub fn open_trusted(path: &Path) -> io::Result<Result<File, Vec<String>>> {
    let walk = Walk::along(path, None)?;
    if walk.is_complete && walk.end.is_none() {
        return Err(irregular());
    }
    if !walk.fixes.is_empty() {
        return Ok(Err(walk.fixes));
    }
    let Some((parent, name)) = walk.end else {
        return Err(Errno::NOENT.into());
    };
    let file = openat(parent, name, FILE | OFlags::NOFOLLOW, Mode::empty())?;
    let file = regular(file.into())?;
    // Root or the caller may have replaced it since.
    let metadata = file.metadata()?;
    let writers = metadata.mode() & 0o022;
    let fixes = fixes_of(metadata.uid(), writers, &walk.at, &trusted(None));
    Ok(match fixes.is_empty() {
        true => Ok(file),
        false => Err(fixes),
    })
}

/// Opens the regular file at `path` for reading, whoever can change it.
///
/// # Errors
///
/// As [`open_trusted`].
pub fn open_regular(path: &Path) -> io::Result<File> {
    // To open a device can have effects.
    if !path.metadata()?.is_file() {
        return Err(irregular());
    }
    regular(open(path, FILE, Mode::empty())?.into())
}

/// Reads `file` to its end.
///
/// # Errors
///
/// When it cannot be read, holds more than `limit` bytes, or is not UTF-8.
pub fn read_limited(file: &File, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = file.take(limit + 1).read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= limit) {
        return Ok(text);
    }
    let error = format!("it has more than {limit} bytes");
    Err(io::Error::new(ErrorKind::FileTooLarge, error))
}

fn regular(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

fn irregular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// A way through directories and links.
struct Walk {
    directory: OwnedFd,
    /// Where that is.
    at: PathBuf,
    fixes: Vec<String>,
    /// Whether all of the path is there.
    is_complete: bool,
    /// The directory of the regular file that the path leads to, and the name there.
    end: Option<(OwnedFd, OsString)>,
}

impl Walk {
    fn along(path: &Path, owner: Option<u32>) -> io::Result<Self> {
        let trusted = trusted(owner);
        let path = std::path::absolute(path)?;
        let mut rest: VecDeque<OsString> = parts(&path).collect();
        let mut walk = Self {
            directory: open("/", PART, Mode::empty())?,
            at: PathBuf::from("/"),
            fixes: Vec::new(),
            is_complete: true,
            end: None,
        };
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            let entry = match openat(&walk.directory, &name, PART, Mode::empty()) {
                Ok(entry) => entry,
                Err(Errno::NOENT) => {
                    walk.is_complete = false;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let stat = fstat(&entry)?;
            if name == ".." {
                walk.at.pop();
                walk.directory = entry;
                continue;
            }
            let place = walk.at.join(&name);
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    walk.fixes
                        .extend(fix_owner(stat.st_uid, &place, " -h", &trusted));
                    let target = readlinkat(&entry, "", Vec::new())?;
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    if target.is_absolute() {
                        walk.directory = open("/", PART, Mode::empty())?;
                        walk.at = PathBuf::from("/");
                    }
                    for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                FileType::Directory => {
                    walk.judge(&stat, &place, rest.is_empty(), owner);
                    walk.directory = entry;
                    walk.at = place;
                }
                kind if rest.is_empty() => {
                    walk.judge(&stat, &place, true, owner);
                    if kind != FileType::RegularFile {
                        break;
                    }
                    let directory = rustix::io::fcntl_dupfd_cloexec(&walk.directory, 0)?;
                    walk.end = Some((directory, name));
                    walk.at = place;
                }
                _ => return Err(Errno::NOTDIR.into()),
            }
        }
        Ok(walk)
    }

    fn judge(&mut self, stat: &Stat, place: &Path, is_last: bool, owner: Option<u32>) {
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let is_sticky = is_directory && !is_last && stat.st_mode & 0o1000 != 0;
        // Who may write is looked at on the way, and at the end only for root's own.
        let writers = match owner {
            _ if is_sticky => 0,
            None => stat.st_mode & 0o022,
            Some(_) if is_last => 0,
            Some(_) => stat.st_mode & 0o002,
        };
        for fix in fixes_of(stat.st_uid, writers, place, &trusted(owner)) {
            // A link can lead through the same directory twice.
            if !self.fixes.contains(&fix) {
                self.fixes.push(fix);
            }
        }
    }
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// The users who may change anything: root, the caller, and perhaps the owner of the data.
fn trusted(owner: Option<u32>) -> Vec<u32> {
    let caller = geteuid().as_raw();
    [Some(0), Some(caller), owner]
        .into_iter()
        .flatten()
        .collect()
}

/// What to do about a file or directory that `writers`, of its mode, may change too.
fn fixes_of(uid: u32, writers: u32, place: &Path, trusted: &[u32]) -> Vec<String> {
    let mut fixes: Vec<_> = fix_owner(uid, place, "", trusted).into_iter().collect();
    if writers != 0 {
        fixes.push(format!("chmod go-w {}", quoted(place)));
    }
    fixes
}

fn fix_owner(uid: u32, place: &Path, option: &str, trusted: &[u32]) -> Option<String> {
    (!trusted.contains(&uid)).then(|| format!("chown{option} root {}", quoted(place)))
}

/// For a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |byte: char| byte.is_ascii_alphanumeric() || "/._-+".contains(byte);
    match path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}
