//! Watches the folders where the user keeps notes, and keeps the notes' text in
//! the database. It only ever reads there.

mod changes;
mod library;
mod note;
mod tower;
mod watch;

pub use tower::{AlreadyWatching, Watchtower};
