//! The rights with which a command works on files that belong to another user.
//!
//! Root can be made to change any file by a user who owns a directory in which root works: a link,
//! a FIFO, or an SQLite journal that names a victim is enough. A command that works on a data
//! directory therefore gives up root first and becomes the user that owns it. [`Roots::owner`]
//! finds that user, [`Owner::become_it`] becomes it for good, and [`Roots::become_owner`] does
//! both. Call them at the start of `main`, before a Tokio runtime or another thread exists.
//!
//! Files that tell root what to do, such as a manifest, are opened with [`open_trusted`]: nobody
//! but root and the caller can change them.

mod owner;
mod roots;
mod trusted;

pub use owner::Owner;
pub use roots::Roots;
pub use trusted::{check_trusted, open_regular, open_trusted, read_limited};
