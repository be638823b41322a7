use std::process::ExitCode;

/// How a command has ended, as its exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: it is done, or there was nothing to do.
    Done,
    /// 1: it failed, and everything is as it was.
    Failed,
    /// 2: the command line, or what it names, is not valid: an unknown step, table or backup.
    Usage,
    /// 3: it is refused, and nothing was changed: a wrong or missing confirmation, something
    /// that cannot be cleared, a guard, references that would break, data that has changed since
    /// it was looked at, a name that is taken.
    Refused,
    /// 4: another process uses the data, or another reset or backup is under way.
    Busy,
    /// 5: the data directory, the database or the server cannot be reached or opened, or does
    /// not accept the credentials.
    Unreachable,
    /// 6: the reset is committed, and something of it is still pending: the next command, or the
    /// service, goes on with it.
    Pending,
    /// 7: nobody can say yet which state stands, or not everything is back in its place:
    /// `recover` ends it.
    Undecided,
    /// 130: given up for a signal before the commit, and undone.
    Cancelled,
}

impl Exit {
    /// What the long help says of the exit codes.
    pub const HELP: &str = "\
Exit codes:
    0  done, or nothing to do
    1  failed; everything is as it was
    2  the command line is not valid, or names what is not there
    3  refused, nothing was changed: wrong or missing confirmation, blockers, a guard,
       references that would break, data that has changed since, a name that is taken
    4  another process uses the data, or another reset or backup is under way
    5  the data directory, the database or the server cannot be reached or opened,
       or does not accept the credentials
    6  the reset is committed, something is still pending; the next command goes on
    7  nobody can say yet which state stands, or not everything is back: `recover`
  130  given up by Ctrl-C before the commit, and undone";

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Busy => 4,
            Self::Unreachable => 5,
            Self::Pending => 6,
            Self::Undecided => 7,
            Self::Cancelled => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
