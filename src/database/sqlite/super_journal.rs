//! Super-journals, of which SQLite reads and deletes whichever file a rollback journal names.
//!
//! A transaction over several database files leaves one when it is cut short, and each journal ends
//! with its name (<https://sqlite.org/fileformat2.html#the_rollback_journal>, and `readSuperJournal`
//! in SQLite's `pager.c`). Whoever may write beside a database can so have any file deleted by the
//! next process that opens the database, with the rights of that process.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// With this a journal ends, after the length and the sum of the name.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// In bytes: the length, the sum, and [`MAGIC`].
const END: u64 = 16;

/// In bytes; SQLite takes no longer name, nor writes a longer file.
const MOST: u64 = 64 * 1024;

/// The file that `journal` names, where it is none that SQLite itself has put beside `database`.
/// Neither is followed where it is a link. Blocks.
pub(super) fn foreign(database: &Path, journal: &Path) -> io::Result<Option<PathBuf>> {
    let Some(named) = named(journal)? else {
        return Ok(None);
    };
    let named = PathBuf::from(OsStr::from_bytes(&named));
    if !is_own(database, &named) {
        return Ok(Some(named));
    }
    // SQLite opens every file that is listed in it.
    let Some(listed) = read(&named)? else {
        return Ok(None);
    };
    for path in listed.split(|byte| *byte == 0) {
        let path = Path::new(OsStr::from_bytes(path));
        if !path.as_os_str().is_empty() && !is_beside(database, path)? {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// Opens a file for reading, if it is there and a regular one; nothing where it is missing.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match file.metadata()?.is_file() {
        true => Ok(Some(file)),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}

/// The name with which `journal` ends, if it is hot.
fn named(journal: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(journal)? else {
        return Ok(None);
    };
    let length = file.metadata()?.len();
    if length < END {
        return Ok(None);
    }
    let (mut first, mut end) = ([0; 1], [0; END as usize]);
    file.read_exact_at(&mut first, 0)?;
    file.read_exact_at(&mut end, length - END)?;
    let [l0, l1, l2, l3, s0, s1, s2, s3, magic @ ..] = end;
    let name = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
    let sum = u32::from_be_bytes([s0, s1, s2, s3]);
    // A journal whose first byte is zero is not played back.
    if first == [0] || magic != MAGIC || name == 0 || name > MOST || name > length - END {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(name).unwrap_or_default()];
    file.read_exact_at(&mut bytes, length - END - name)?;
    // A `char` of C has a sign on some machines.
    let unsigned = |sum: u32, byte: &u8| sum.wrapping_add(u32::from(*byte));
    let signed =
        |sum: u32, byte: &u8| sum.wrapping_add_signed(i32::from(i8::from_ne_bytes([*byte])));
    if bytes.iter().fold(0, unsigned) != sum && bytes.iter().fold(0, signed) != sum {
        return Ok(None);
    }
    // To SQLite it ends with the first NUL.
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some(name.to_vec()).filter(|name| !name.is_empty()))
}

/// Whether `named` is called as SQLite calls a super-journal, and lies beside `database`.
fn is_own(database: &Path, named: &Path) -> bool {
    let Some(directory) = directory(database) else {
        return false;
    };
    let name = named.as_os_str().as_bytes();
    let Some(name) = name.strip_prefix(directory.as_slice()) else {
        return false;
    };
    // `-mj`, six digits, a nine, and two digits.
    let Some((begin, end)) = name.len().checked_sub(12).map(|at| name.split_at(at)) else {
        return false;
    };
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    !begin.is_empty()
        && !name.contains(&b'/')
        && end.starts_with(b"-mj")
        && end[3..].iter().all(is_digit)
        && end[9] == b'9'
}

/// Whether `path` lies in the directory of `database`, and is a regular file or missing.
fn is_beside(database: &Path, path: &Path) -> io::Result<bool> {
    let path = path.as_os_str().as_bytes();
    let name = directory(database).and_then(|it| path.strip_prefix(it.as_slice()));
    if !name.is_some_and(|name| !name.is_empty() && !name.contains(&b'/')) {
        return Ok(false);
    }
    Ok(match open(Path::new(OsStr::from_bytes(path))) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
        Err(_) => false,
    })
}

/// The directory of `database`, with a `/` at its end.
fn directory(database: &Path) -> Option<Vec<u8>> {
    let mut directory = database.parent()?.as_os_str().as_bytes().to_vec();
    if !directory.ends_with(b"/") {
        directory.push(b'/');
    }
    Some(directory)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST {
        true => Err(io::Error::new(
            ErrorKind::InvalidData,
            "larger than any that SQLite writes",
        )),
        false => Ok(Some(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal that names a file, as SQLite ends one.
    fn journal(directory: &Path, named: &[u8]) -> PathBuf {
        let sum = named.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 504]);
        bytes.extend(named);
        bytes.extend(u32::try_from(named.len()).unwrap().to_be_bytes());
        bytes.extend(sum.to_be_bytes());
        bytes.extend(MAGIC);
        let path = directory.join("shop.db-journal");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn found(directory: &Path, named: &[u8]) -> io::Result<Option<PathBuf>> {
        foreign(&directory.join("shop.db"), &journal(directory, named))
    }

    #[test]
    fn only_a_file_that_sqlite_has_put_beside_the_database_may_be_named() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let beside = |name: &str| here.join(name).into_os_string().into_encoded_bytes();
        for own in ["shop.db-mj0123AB9F0", "other.db-mj0000009FF"] {
            assert_eq!(found(here, &beside(own)).unwrap(), None, "{own}");
        }
        for other in [
            b"/etc/passwd".to_vec(),
            b"shop.db-mj0123AB9F0".to_vec(),
            beside("config.toml"),
            beside("shop.db-mj0123AB8F0"),
            beside("-mj0123AB9F0"),
            beside("../shop.db-mj0123AB9F0"),
            beside("link/shop.db-mj0123AB9F0"),
            b"/etc/passwd\0-mj0123AB9F0".to_vec(),
        ] {
            let shown = other.escape_ascii().to_string();
            assert!(found(here, &other).unwrap().is_some(), "{shown}");
        }
    }

    #[test]
    fn what_a_super_journal_lists_lies_beside_the_database_too() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        let own = here.join("shop.db-mj0123AB9F0");
        let name = own.clone().into_os_string().into_encoded_bytes();
        let listed = |path: &Path| {
            let mut content = path.as_os_str().as_bytes().to_vec();
            content.push(0);
            std::fs::write(&own, content).unwrap();
            found(here, &name).unwrap()
        };
        assert_eq!(listed(&here.join("shop.db-journal")), None);
        let other = Path::new("/dev/tape");
        assert_eq!(listed(other).as_deref(), Some(other));
        let link = here.join("link.db-journal");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(listed(&link), Some(link));
    }

    #[test]
    fn other_journals_name_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path();
        assert_eq!(
            foreign(&here.join("a.db"), &here.join("a.db-journal")).unwrap(),
            None
        );
        let path = journal(here, b"/etc/passwd");
        let whole = std::fs::read(&path).unwrap();
        let mut persisted = whole.clone();
        persisted[0] = 0;
        let mut wrong_sum = whole.clone();
        let at = whole.len() - 9;
        wrong_sum[at] ^= 1;
        for other in [persisted, wrong_sum, whole[..40].to_vec(), Vec::new()] {
            std::fs::write(&path, other).unwrap();
            assert_eq!(foreign(&here.join("shop.db"), &path).unwrap(), None);
        }
    }
}
