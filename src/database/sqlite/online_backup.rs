//! SQLite's online backup (<https://sqlite.org/c3ref/backup_finish.html>), which copies a whole
//! database over another in one transaction of that one. sqlx has no call for it, and a crate
//! that has one cannot be given the connections of sqlx without `unsafe` code either.
#![expect(
    unsafe_code,
    reason = "sqlx does not offer the backup interface of SQLite"
)]

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;

const MAIN: &CStr = c"main";

/// A backup under way from the main database of one connection over that of another.
///
/// It owns the locks on both connections: nobody else may use the destination before the end, and
/// without its lock sqlx itself cannot. It is not `Send`, for it begins and ends on one thread.
pub(super) struct OnlineBackup<'a> {
    /// Nothing once it has ended.
    backup: Option<NonNull<ffi::sqlite3_backup>>,
    destination: LockedSqliteHandle<'a>,
    /// Only held.
    _source: LockedSqliteHandle<'a>,
}

impl<'a> OnlineBackup<'a> {
    /// Prepares a backup; neither database is touched. The source must not be empty: SQLite
    /// takes such a one as copied as soon as it has the lock.
    ///
    /// # Errors
    ///
    /// When a transaction is open on the destination, or one of both is encrypted.
    pub(super) fn begin(
        mut source: LockedSqliteHandle<'a>,
        mut destination: LockedSqliteHandle<'a>,
    ) -> Result<Self, sqlx::Error> {
        let (from, to) = (source.as_raw_handle(), destination.as_raw_handle());
        // SAFETY: both are handles of open connections, which sqlx closes no earlier than the
        // locks on them end, and these live in `Self`. They differ, for each lock is exclusive.
        // The names are C strings that live for ever.
        let backup = unsafe {
            ffi::sqlite3_backup_init(to.as_ptr(), MAIN.as_ptr(), from.as_ptr(), MAIN.as_ptr())
        };
        if backup.is_null() {
            return Err(last_error(&mut destination));
        }
        Ok(Self {
            backup: NonNull::new(backup),
            destination,
            _source: source,
        })
    }

    /// Takes the write lock of the destination, and waits for others as long as that connection's
    /// busy timeout says. Returns whether it has it.
    pub(super) fn lock(&mut self) -> bool {
        self.step(0) == ffi::SQLITE_OK
    }

    /// Copies every page, and commits. What goes wrong [`finish`](Self::finish) tells.
    pub(super) fn copy(&mut self) {
        self.step(-1);
    }

    fn step(&mut self, pages: c_int) -> c_int {
        let Some(backup) = self.backup else {
            return ffi::SQLITE_MISUSE;
        };
        // SAFETY: the pointer comes from `sqlite3_backup_init`, and `end` forgets it when it ends
        // its life. SQLite keeps an error in what it points to.
        unsafe { ffi::sqlite3_backup_step(backup.as_ptr(), pages) }
    }

    /// Ends it; without the last page everything is rolled back.
    ///
    /// # Errors
    ///
    /// The one that has stopped a step.
    pub(super) fn finish(mut self) -> Result<(), sqlx::Error> {
        match self.end() {
            ffi::SQLITE_OK => Ok(()),
            _ => Err(last_error(&mut self.destination)),
        }
    }

    fn end(&mut self) -> c_int {
        match self.backup.take() {
            // SAFETY: as in `step`; nobody has the pointer any more.
            Some(backup) => unsafe { ffi::sqlite3_backup_finish(backup.as_ptr()) },
            None => ffi::SQLITE_OK,
        }
    }
}

impl Drop for OnlineBackup<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// How many bytes at the end of each page are kept for extensions, such as one that encrypts.
pub(super) fn reserved_bytes(connection: &mut LockedSqliteHandle<'_>) -> c_int {
    // Asks, and sets nothing.
    let mut bytes: c_int = -1;
    // SAFETY: the handle is that of an open connection, the name a C string, and this operation
    // takes a pointer to an integer: <https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>.
    unsafe {
        ffi::sqlite3_file_control(
            connection.as_raw_handle().as_ptr(),
            MAIN.as_ptr(),
            ffi::SQLITE_FCNTL_RESERVE_BYTES,
            (&raw mut bytes).cast(),
        );
    }
    bytes
}

fn last_error(connection: &mut LockedSqliteHandle<'_>) -> sqlx::Error {
    match connection.last_error() {
        Some(error) => sqlx::Error::Database(Box::new(error)),
        None => sqlx::Error::WorkerCrashed,
    }
}
