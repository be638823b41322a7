//! Settings of a connection that neither SQL nor sqlx offers. Beside the
//! [online backup](super::online_backup) this is the only module with `unsafe` code.
#![expect(
    unsafe_code,
    reason = "sqlx offers neither the limits nor the switches of a SQLite connection"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;

/// What a connection may be made to do by the schema that it reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Switch {
    /// Triggers fire.
    Triggers,
    /// Statements may use views.
    Views,
    /// `load_extension` and its C function load a library.
    Extensions,
}

/// A limit of SQLite's, and its value.
pub(super) type Limit = (c_int, c_int);

/// Of a match of LIKE or GLOB: the length of the pattern, in bytes. The time for a match is its
/// product with the length of the text, and nothing interrupts it.
pub(super) const PATTERNS: Limit = (ffi::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000);

/// Limits far above what a statement of the engine or an ordinary schema needs
/// (<https://sqlite.org/limits.html>). The lengths of rows and the number of parameters stay as they
/// are, because rows of any size are saved and loaded.
pub(super) const LIMITS: [Limit; 6] = [
    PATTERNS,
    // In bytes; a statement of the schema is parsed with it too.
    (ffi::SQLITE_LIMIT_SQL_LENGTH, 16 * 1024 * 1024),
    // 24 bytes each: a batch of rows to load takes about 100,000.
    (ffi::SQLITE_LIMIT_VDBE_OP, 1_000_000),
    // The factory rows, a factory image, and the copy that VACUUM makes.
    (ffi::SQLITE_LIMIT_ATTACHED, 4),
    (ffi::SQLITE_LIMIT_TRIGGER_DEPTH, 100),
    (ffi::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Sets `limits` of a connection.
pub(super) fn limit(connection: &mut LockedSqliteHandle<'_>, limits: &[Limit]) {
    let handle = connection.as_raw_handle().as_ptr();
    for (limit, value) in limits {
        // SAFETY: the handle is that of an open connection, which the lock keeps open and to
        // itself; SQLite ignores a limit that it does not know.
        unsafe { ffi::sqlite3_limit(handle, *limit, *value) };
    }
}

/// Turns `switch` on or off.
///
/// # Errors
///
/// When this SQLite does not have it.
pub(super) fn set(
    connection: &mut LockedSqliteHandle<'_>,
    switch: Switch,
    is_on: bool,
) -> Result<(), sqlx::Error> {
    let option = match switch {
        Switch::Triggers => ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        Switch::Views => ffi::SQLITE_DBCONFIG_ENABLE_VIEW,
        Switch::Extensions => ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
    };
    let handle = connection.as_raw_handle().as_ptr();
    // SAFETY: as in `limit`. Each of these options takes an integer and a pointer to an integer,
    // which may be null (<https://sqlite.org/c3ref/c_dbconfig_defensive.html>).
    let result =
        unsafe { ffi::sqlite3_db_config(handle, option, c_int::from(is_on), null_mut::<c_int>()) };
    match result {
        ffi::SQLITE_OK => Ok(()),
        _ => Err(sqlx::Error::Configuration(
            format!("this SQLite cannot switch {switch:?}: use version 3.30 or later").into(),
        )),
    }
}

/// Whether `sql` is one statement and nothing more. It is compiled, and not run.
///
/// # Errors
///
/// When it cannot be compiled.
pub(super) fn is_one_statement(
    connection: &mut LockedSqliteHandle<'_>,
    sql: &str,
) -> Result<bool, sqlx::Error> {
    let Ok(sql) = CString::new(sql) else {
        // SQLite would stop at the NUL.
        return Ok(false);
    };
    let handle = connection.as_raw_handle().as_ptr();
    let (mut statement, mut rest) = (null_mut(), null());
    // SAFETY: as in `limit`. The text is a C string that outlives both calls, and SQLite makes
    // `rest` point into it. A statement that could not be compiled is null, which may be finalized.
    let (result, rest) = unsafe {
        let result = ffi::sqlite3_prepare_v2(handle, sql.as_ptr(), -1, &mut statement, &mut rest);
        ffi::sqlite3_finalize(statement);
        (result, (!rest.is_null()).then(|| CStr::from_ptr(rest)))
    };
    match (result, rest) {
        (ffi::SQLITE_OK, Some(rest)) => Ok(rest.to_bytes().trim_ascii().is_empty()),
        _ => Err(match connection.last_error() {
            Some(error) => sqlx::Error::Database(Box::new(error)),
            None => sqlx::Error::WorkerCrashed,
        }),
    }
}

/// Refuses every SELECT from now on, or none.
pub(super) fn refuse_selects(connection: &mut LockedSqliteHandle<'_>, is_on: bool) {
    let handle = connection.as_raw_handle().as_ptr();
    // SAFETY: as in `limit`. The function uses none of its arguments, and lives for ever.
    unsafe { ffi::sqlite3_set_authorizer(handle, is_on.then_some(refuse_select), null_mut()) };
}

/// An authorizer (<https://sqlite.org/c3ref/set_authorizer.html>).
unsafe extern "C" fn refuse_select(
    _: *mut c_void,
    action: c_int,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    match action {
        ffi::SQLITE_SELECT => ffi::SQLITE_DENY,
        _ => ffi::SQLITE_OK,
    }
}
