//! The data directory, reached by directory handles alone: no path in it is ever resolved
//! through a symbolic link, so nothing that is swapped for a link leads outside.

mod checked_directory;
mod crew;
mod directory;
mod entry;
mod error;
mod obstacle;
mod owners;
mod root;
mod survey;
mod tree;

pub(crate) use checked_directory::CheckedDirectory;
#[cfg(feature = "backup")]
pub(crate) use directory::Place;
#[cfg(feature = "cli")]
pub(crate) use directory::look_at_own;
pub(crate) use directory::{DataDirectory, directory_flags};
#[cfg(feature = "backup")]
pub(crate) use entry::kind_name;
pub(crate) use entry::{Entry, EntryKind};
pub use error::{Flaw, PathError};
pub(crate) use obstacle::of_file as obstacle_of_file;
#[cfg(feature = "backup")]
pub(crate) use owners::Owners;
pub(crate) use survey::Survey;
pub(crate) use tree::remove_tree;
