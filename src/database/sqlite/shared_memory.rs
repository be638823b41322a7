//! The index of the write-ahead log, which SQLite maps into memory.

use super::DatabaseError;

/// Makes sure that every page of the index is on the disk. SQLite writes one byte for each
/// 4 KiB of it (`unixShmMap` in <https://sqlite.org/src/file/src/os_unix.c>); where the blocks
/// of the file system are smaller, the rest are holes, and writing to a hole through memory
/// on a full disk kills the process.
#[cfg(target_os = "linux")]
pub(super) async fn fill(database: &str) -> Result<(), DatabaseError> {
    use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, fstat, open};
    use rustix::io::Errno;

    use crate::task::blocking;

    let path = format!("{database}-shm");
    let filled = blocking(move || {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty())?;
        let size = u64::try_from(fstat(&file)?.st_size).unwrap_or_default();
        match size {
            0 => Ok(()),
            size => fallocate(file, FallocateFlags::empty(), 0, size),
        }
    });
    match filled.await {
        Err(error @ (Errno::NOSPC | Errno::DQUOT)) => Err(DatabaseError::new(
            "make room for the index of the write-ahead log",
            std::io::Error::from(error),
        )),
        // There is none, or the file system has no such thing.
        _ => Ok(()),
    }
}

/// Not known to be needed elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) async fn fill(_: &str) -> Result<(), DatabaseError> {
    Ok(())
}
