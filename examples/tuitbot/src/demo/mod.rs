//! Demo data: rows in every table and files below the media folder, so that a
//! fresh install has something to lose.
//!
//! Every value derives from the number of its row or file, so two fillings of
//! the same size are alike.

mod database;
mod media;
mod tables;
mod words;

pub use database::fill_database;
pub use media::fill_media;
