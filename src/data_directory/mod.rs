//! The data directory, reached by directory handles alone: no path in it is ever resolved
//! through a symbolic link, so nothing that is swapped for a link leads outside.

mod crew;
mod directory;
mod entry;
mod error;
mod obstacle;
mod replace;
mod survey;
mod tree;

pub(crate) use directory::{DataDirectory, directory_flags};
pub(crate) use entry::{Entry, EntryKind};
pub use error::PathError;
pub(crate) use obstacle::of_file as obstacle_of_file;
pub(crate) use replace::replace;
pub(crate) use survey::Survey;
pub(crate) use tree::remove_tree;
